"""The database's history: Alembic revisions that run the SQL files beside them."""
