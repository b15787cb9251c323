"""The throw-away PostgreSQL server of a benchmark run: durable as in production, gone afterwards.

Both sides of a comparison work on this one server, so its settings are the same for both. It knows nothing of
what is measured.
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import asyncpg

from infra.embedded_postgres import EmbeddedPostgres


@dataclass(frozen=True)
class Cluster:
    """A running server and a folder for the run's other files."""

    server: EmbeddedPostgres
    folder: Path

    async def new_database(self, purpose: str) -> str:
        """Create an empty database and return its address (`postgresql://…`)."""
        name = f"{purpose}_{uuid4().hex[:8]}"
        connection = await asyncpg.connect(self.server.url())
        try:
            await connection.execute(f'create database "{name}"')
        finally:
            await connection.close()
        return self.server.url(name)

    def new_database_now(self, purpose: str) -> str:
        """The same for callers without an event loop."""
        return asyncio.run(self.new_database(purpose))


@contextmanager
def throw_away_cluster() -> Iterator[Cluster]:
    """Start a server in a temporary folder; stop it and delete the folder at the end."""
    folder = Path(tempfile.mkdtemp(prefix="mimo-bench-"))
    folder.chmod(0o711)  # when root starts the server, the server's own user must be able to pass through
    server = EmbeddedPostgres(folder / "postgres", settings={"max_connections": "200"})
    try:
        server.start()
        yield Cluster(server, folder)
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)
