"""The backup and the restore in docs/operations.md, run word by word."""

import os
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from events.catalog import decode
from events.messages import MessageSent
from infra.embedded_postgres import EmbeddedPostgres, binary
from infra.event_store import open_event_store
from infra.migrations.runner import migrate
from infra.postgres import Role, connect
from projectors.generations import followed
from projectors.views import PROJECTIONS
from tests.documents import blocks, section
from tests.integration.log_commands import message, open_channel, register
from tests.system import ROOT

SECONDS = 60.0


@pytest.fixture
async def empty_database_url(postgres_server: EmbeddedPostgres) -> AsyncIterator[str]:
    """A database without anything in it."""
    connection = await asyncpg.connect(postgres_server.url("postgres"))
    try:
        await connection.execute("create database restored template template0")
        yield postgres_server.url("restored")
        await connection.execute("drop database restored with (force)")
    finally:
        await connection.close()


def run(script: str, url: str, folder: Path) -> None:
    """Types a documented block into a shell that has PostgreSQL's programs."""
    path = f"{binary('psql').parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-ec", script], cwd=folder, env={**os.environ, "PATH": path, "MIMO_DATABASE_URL": url},
        capture_output=True, text=True, timeout=SECONDS, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


async def views_of(url: str) -> list[int]:
    """Makes sure that every projection has a generation, as the projector does at its start; their numbers."""
    connection = await connect(url, application="test", role=Role.PROJECTOR)
    try:
        return [generation.number for p in PROJECTIONS for generation in await followed(connection, p)]
    finally:
        await connection.close()


async def test_the_documented_backup_restores_everything_as_another_history(
    database_url: str, empty_database_url: str, tmp_path: Path
) -> None:
    dump, restore = (block.text for block in blocks(section(ROOT / "docs" / "operations.md", "Backups")))
    async with open_event_store(database_url) as store:
        author = await register(store)
        channel = await open_channel(store, author)
        said = await store.append(message(channel, author, "kept", key="once"))
        first_history = store.log_id
    assert await views_of(database_url) == [1] * len(PROJECTIONS)

    run(dump, database_url, tmp_path)
    run(restore, empty_database_url, tmp_path)
    await migrate(empty_database_url)

    async with open_event_store(empty_database_url) as store:
        assert store.log_id != first_history
        kept = await store.find(said.events[0].id)
        assert kept is not None
        await store.ring.load([author])
        event = decode(kept.type, kept.schema, kept.data, kept.id, store.ring)
        assert isinstance(event, MessageSent)
        assert event.text == "kept"
        later = await store.append(message(channel, author, "later"))
        assert later.events[0].version == said.events[0].version + 1
    assert await views_of(empty_database_url) == [2] * len(PROJECTIONS)
