"""Finds the database for commands other than `up`: an external one, the running embedded one, or that one started.

It must not know what is asked of the database.
"""

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import asyncpg

from events.errors import CannotStart
from infra.embedded_postgres import EmbeddedPostgres
from infra.event_store import PostgresEventStore, open_event_store
from infra.folder_lock import FolderLock
from infra.postgres import Role, connect
from infra.settings import Settings


def embedded_postgres(data: Path, settings: Mapping[str, str] | None = None) -> EmbeddedPostgres:
    """The embedded server of a data folder; nothing is started.

    Args:
        data: the data folder.
        settings: PostgreSQL settings on top of the usual ones.
    """
    return EmbeddedPostgres(data / "postgres", settings=settings)


def prepare_folder(data: Path) -> Path:
    """Make the data folder.

    Returns:
        Its absolute path.

    Raises:
        CannotStart: it cannot be made or written.
    """
    try:
        data.mkdir(parents=True, exist_ok=True)
        probe = data / "lock"
        probe.touch()
    except OSError as error:
        raise CannotStart(
            f"The data folder {data} cannot be written ({error.strerror}): choose another with --data."
        ) from None
    return data.resolve()


@contextmanager
def database(settings: Settings, *, make: bool = False) -> Iterator[str]:
    """Give the address of the system's database while the context lasts.

    Args:
        settings: say where it is.
        make: whether an embedded database is made if there is none.

    Raises:
        CannotStart: there is none, or it cannot be started.
    """
    if settings.database_url is not None:
        yield settings.database_url
        return
    server = embedded_postgres(settings.data)
    if not make and not server.cluster.exists():
        raise CannotStart(
            f"There is no database in {settings.data} yet: run `mimo up`, or say where it is with --data."
        )
    lock = FolderLock(prepare_folder(settings.data))
    if not lock.acquire():  # `mimo up` runs it
        yield server.url()
        return
    try:
        server.start()
        yield server.url()
    finally:
        server.stop()
        lock.release()


@asynccontextmanager
async def connected(url: str, application: str, role: Role | None = None) -> AsyncIterator[asyncpg.Connection]:
    """A connection to a database that is migrated.

    Args:
        url: the database.
        application: shown in pg_stat_activity.
        role: the role to take; None stays the login itself.

    Raises:
        CannotStart: it is out of reach or not migrated.
    """
    connection = await connect(url, application=application, role=role)
    try:
        yield connection
    except (asyncpg.UndefinedTableError, asyncpg.InvalidSchemaNameError):
        raise CannotStart("The database is not migrated yet: run `mimo migrate` or `mimo up`.") from None
    finally:
        connection.terminate()


@asynccontextmanager
async def event_store(url: str, application: str) -> AsyncIterator[PostgresEventStore]:
    """The log, open for writing, for commands that append.

    Args:
        url: the database.
        application: shown in pg_stat_activity.

    Raises:
        CannotStart: it is out of reach or not migrated.
    """
    try:
        async with open_event_store(url, application=application, pool_size=1) as store:
            yield store
    except (asyncpg.UndefinedTableError, asyncpg.InvalidSchemaNameError):
        raise CannotStart("The database is not migrated yet: run `mimo migrate` or `mimo up`.") from None
