"""The plain design that our speed is compared with: FastAPI, the SQLAlchemy ORM and a commit per request.

Written as a competent team would write it, with proper indexes and no waste, so that a ratio against it means
something. It must know nothing of mimoApp's own packages.
"""
