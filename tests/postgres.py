"""A throw-away PostgreSQL server for tests, scripts and benchmarks, and databases cloned from a migrated template.

Its folder is locked for as long as its maker lives; what killed runs left behind is swept away by the next one.
"""

import asyncio
import itertools
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import asyncpg

from infra.embedded_postgres import EmbeddedPostgres
from infra.folder_lock import FolderLock

PREFIX = "mimo-throw-away-"
TEMPLATE = "template_mimo"

_numbers = itertools.count(1)


@contextmanager
def throw_away_server(
    *, durable: bool = False, settings: Mapping[str, str] | None = None
) -> Iterator[EmbeddedPostgres]:
    """Start a server on a free port in a temporary folder; stop it and delete the folder at the end.

    Args:
        durable: with fsync, as in production (benchmarks); tests do without.
        settings: PostgreSQL settings on top of the usual ones.
    """
    sweep()
    folder = Path(tempfile.mkdtemp(prefix=PREFIX))
    folder.chmod(0o755)  # as root, the server runs under another account
    lock = FolderLock(folder)
    lock.acquire()
    server = EmbeddedPostgres(folder / "postgres", durable=durable, settings=settings)
    try:
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)
        lock.release()


def sweep() -> None:
    """End the servers and delete the folders of runs that were killed."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        lock = FolderLock(folder)
        try:
            if folder.stat().st_uid != os.geteuid() or not (folder / "lock").exists() or not lock.acquire():
                continue
            EmbeddedPostgres(folder / "postgres").end_left_over()
            shutil.rmtree(folder, ignore_errors=True)
        except OSError:
            continue  # another run sweeps at the same time
        finally:
            lock.release()


async def make_template(server: EmbeddedPostgres, name: str = TEMPLATE) -> None:
    """Make a migrated database that others are cloned from."""
    from infra.migrations.runner import migrate

    await _execute(server, f'create database "{name}"')
    await migrate(server.url(name))


@asynccontextmanager
async def cloned_database(server: EmbeddedPostgres, template: str = TEMPLATE) -> AsyncIterator[str]:
    """Clone the template for one test.

    Yields:
        The address of the new database, `postgresql://…`. It is dropped at the end, whoever is still connected.
    """
    name = f"test_{os.getpid()}_{next(_numbers)}"
    await _execute(server, f'create database "{name}" template "{template}" strategy file_copy')
    try:
        # A clone does not inherit the rights on the database itself.
        await _execute(server, f'grant create on database "{name}" to mimo_projector')
        await _new_history(server.url(name))
        yield server.url(name)
    finally:
        await _execute(server, f'drop database if exists "{name}" with (force)')


async def _new_history(url: str) -> None:
    """Give a clone a log id of its own: two clones are two histories."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("update log.installation set log_id = gen_random_uuid()")
    finally:
        await connection.close()


async def _execute(server: EmbeddedPostgres, statement: str) -> None:
    connection = await asyncpg.connect(server.url("postgres"))
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


def main() -> None:
    """Start a migrated throw-away server by hand, print its address and wait for Enter."""
    with throw_away_server(durable=True) as server:
        asyncio.run(make_template(server, "trial"))
        print(server.url("trial"), flush=True)  # noqa: T201
        input()


if __name__ == "__main__":
    main()
