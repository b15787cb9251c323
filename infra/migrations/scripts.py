"""Runs whole SQL files inside a revision.

Alembic's own `op.execute` takes one statement at a time; functions and grants come in files of many. It must not know
what the files do.
"""

from pathlib import Path

from alembic import op

SQL = Path(__file__).parent / "sql"


def run_file(name: str) -> None:
    """Run one file of the folder `sql/` in the revision's transaction.

    Args:
        name: the file, such as `log.sql`.

    Raises:
        asyncpg.PostgresError: the server refuses a statement of it; the whole migration is rolled back.
    """
    text = (SQL / name).read_text(encoding="utf-8")
    connection = op.get_bind()
    connection.exec_driver_sql("select 1")  # the driver begins its transaction with the first statement of its own
    connection.connection.dbapi_connection.run_async(lambda driver: driver.execute(text))  # type: ignore[union-attr]
