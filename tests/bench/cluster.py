"""The throw-away PostgreSQL server of a benchmark run: durable as in production, gone afterwards.

Both sides of a comparison work on this one server, so its settings are the same for both. It knows nothing of
what is measured.
"""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import asyncpg

from infra.embedded_postgres import EmbeddedPostgres
from infra.migrations.runner import migrate
from tests.postgres import throw_away_server

MAX_CONNECTIONS = 200


@dataclass(frozen=True)
class Cluster:
    """A running server, and a folder for the run's other files."""

    server: EmbeddedPostgres
    folder: Path

    async def empty_database(self, purpose: str) -> str:
        """Create an empty database and return its address (`postgresql://…`)."""
        name = f"{purpose}_{uuid4().hex[:8]}"
        connection = await asyncpg.connect(self.server.url())
        try:
            await connection.execute(f'create database "{name}"')
        finally:
            await connection.close()
        return self.server.url(name)

    @asynccontextmanager
    async def clone(self, url: str) -> AsyncIterator[str]:
        """Copy a database that nobody is connected to; the copy is dropped at the end."""
        source = url.rpartition("/")[2]
        name = f"{source}_copy"
        connection = await asyncpg.connect(self.server.url())
        try:
            await connection.execute(f'create database "{name}" template "{source}" strategy file_copy')
            # Rights on the database itself are not copied with it.
            await connection.execute(f'grant create on database "{name}" to mimo_projector')
            yield self.server.url(name)
            await connection.execute(f'drop database "{name}" with (force)')
        finally:
            await connection.close()

    async def mimo_database(self, purpose: str) -> str:
        """Create a database with our schema and return its address."""
        url = await self.empty_database(purpose)
        await migrate(url)
        return url


@contextmanager
def throw_away_cluster() -> Iterator[Cluster]:
    """Start a durable server; stop it and delete everything at the end."""
    with (
        tempfile.TemporaryDirectory(prefix="mimo-bench-") as folder,
        throw_away_server(durable=True, settings={"max_connections": str(MAX_CONNECTIONS)}) as server,
    ):
        yield Cluster(server, Path(folder))
