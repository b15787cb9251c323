"""A throw-away PostgreSQL server for tests, scripts and benchmarks, and databases cloned from a migrated template."""

import asyncio
import itertools
import os
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import asyncpg

from infra.embedded_postgres import EmbeddedPostgres
from infra.temporary_folder import temporary_folder

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
    with temporary_folder(PREFIX, end_left_over) as folder:
        folder.chmod(0o755)  # as root, the server runs under another account
        server = EmbeddedPostgres(folder / "postgres", durable=durable, settings=settings)
        try:
            server.start()
            yield server
        finally:
            server.stop()


def end_left_over(folder: Path) -> None:
    """End the server that a killed run left in a folder of ours."""
    EmbeddedPostgres(folder / "postgres").end_left_over()


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
