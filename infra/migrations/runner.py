"""Brings a database to the newest revision, safely however many try it at once.

It must not know what the revisions contain. Everything happens in one transaction under one lock: a migration that
fails or is killed leaves nothing behind.
"""

from pathlib import Path

import asyncpg
from alembic import command
from alembic.config import Config
from alembic.util.exc import CommandError
from sqlalchemy import Connection, text
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from events.errors import CannotStart
from infra.postgres import connect

LOCK_KEY = 7_310_561_201_117_030_001
"""Any number that nobody else locks in this database."""
OLDEST_SERVER = 170_000
"""PostgreSQL 17 brought `transaction_timeout`."""

FACTS = """
select current_setting('server_version_num')::int as version,
       current_setting('server_version') as version_name,
       current_setting('server_encoding') as encoding,
       current_user as login,
       current_database() as database,
       has_database_privilege(current_database(), 'CREATE WITH GRANT OPTION') as may_create,
       (select rolsuper or rolcreaterole from pg_roles where rolname = current_user) as may_create_roles,
       (select count(*) from pg_roles
        where rolname in ('mimo_command', 'mimo_projector', 'mimo_query', 'mimo_relay')
          and pg_has_role(oid, 'SET')) as roles
"""
EXPECTED_ROLES = 4


async def migrate(url: str, *, partitions: int = 12) -> None:
    """Bring the database to the newest revision; does nothing if it is there.

    Alembic keeps global state: one process migrates one database at a time.

    Args:
        url: the database, `postgresql://…`; the login becomes the owner of everything.
        partitions: of each topic; used when the installation is made, and fixed from then on.

    Raises:
        CannotStart: the server is too old or out of reach, the login lacks a right, or the database is newer than
            this program.
        asyncpg.PostgresError: a revision failed; nothing was changed.
    """

    async def connection() -> asyncpg.Connection:
        return await connect(url, application="mimo-migrate", transaction_timeout_seconds=0)

    engine = create_async_engine("postgresql+asyncpg://", async_creator=connection, poolclass=NullPool)
    try:
        async with engine.begin() as transaction:
            _require(await _facts(url))
            await transaction.execute(text("select pg_advisory_xact_lock(:key)"), {"key": LOCK_KEY})
            await transaction.run_sync(_upgrade, partitions)
    except CommandError as error:
        raise CannotStart(f"The database was made by a newer version of mimo than this one ({error}).") from error
    except ProgrammingError as error:
        if isinstance(error.__cause__, asyncpg.PostgresError):
            raise error.__cause__ from None
        raise
    finally:
        await engine.dispose()


async def _facts(url: str) -> asyncpg.Record:
    connection = await connect(url, application="mimo-migrate")
    try:
        return await connection.fetchrow(FACTS)
    finally:
        await connection.close()


def _require(facts: asyncpg.Record) -> None:
    """Refuse, in one sentence, what would fail later in a dozen."""
    login, database = facts["login"], facts["database"]
    if facts["version"] < OLDEST_SERVER:
        raise CannotStart(f"PostgreSQL {facts['version_name']} is too old: mimo needs 17 or newer.")
    if facts["encoding"] != "UTF8":
        raise CannotStart(f"The database {database!r} is encoded in {facts['encoding']}: mimo needs UTF8.")
    if not facts["may_create"]:
        raise CannotStart(
            f"The login {login!r} may not give rights on the database: alter database {database} owner to {login}."
        )
    if not facts["may_create_roles"] and facts["roles"] < EXPECTED_ROLES:
        raise CannotStart(
            f"The login {login!r} may not create roles. Give it CREATEROLE, or let an administrator run: "
            f"create role mimo_command; create role mimo_projector; create role mimo_query; create role mimo_relay; "
            f"grant mimo_command, mimo_projector, mimo_query, mimo_relay to {login};"
        )


def _upgrade(connection: Connection, partitions: int) -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.attributes["connection"] = connection
    config.attributes["partitions"] = partitions
    command.upgrade(config, "head")
