"""A simulated school that uses the running system as people would: over the public HTTP API only.

It must not know anything of the system but `docs/`: no database, no events, no shared code.
"""
