"""Saving and restoring a database by the words of docs/operations.md, and a database's whole content as text."""

import itertools
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg

from infra.embedded_postgres import EmbeddedPostgres, binary
from tests.documents import blocks, section
from tests.system import ROOT

SECONDS = 60.0
EVERYTHING = 'pg_dump --inserts --no-owner --no-privileges "$MIMO_DATABASE_URL"'

_numbers = itertools.count(1)


def run(script: str, url: str, folder: Path) -> str:
    """Types a script into a shell that has PostgreSQL's programs and ours.

    Args:
        script: what is typed.
        url: MIMO_DATABASE_URL.
        folder: where.

    Returns:
        All that it said.
    """
    path = os.pathsep.join([str(binary("psql").parent), str(Path(sys.executable).parent), os.environ["PATH"]])
    done = subprocess.run(
        ["bash", "-ec", script], cwd=folder, env={**os.environ, "PATH": path, "MIMO_DATABASE_URL": url},
        capture_output=True, text=True, timeout=SECONDS, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def save_log(url: str, folder: Path) -> None:
    """Saves everything but private values and views."""
    run(_documented()[0], url, folder)


def save_private(url: str, folder: Path) -> None:
    """Saves the private values in place of the ones that were saved before."""
    run(_documented()[1], url, folder)


def restore(url: str, folder: Path) -> str:
    """Restores both into an empty database; what was said."""
    return run(_documented()[2], url, folder)


def everything_in(url: str, folder: Path) -> str:
    """Every row of every table of every schema, and what they are made of."""
    return run(EVERYTHING, url, folder)


@asynccontextmanager
async def empty_database(server: EmbeddedPostgres) -> AsyncIterator[str]:
    """The address of a database without anything in it; dropped at the end."""
    name = f"restored_{os.getpid()}_{next(_numbers)}"
    connection = await asyncpg.connect(server.url("postgres"))
    try:
        await connection.execute(f'create database "{name}" template template0')
        yield server.url(name)
        await connection.execute(f'drop database "{name}" with (force)')
    finally:
        await connection.close()


def _documented() -> list[str]:
    found = [block.text for block in blocks(section(ROOT / "docs" / "operations.md", "Backups"))]
    assert len(found) == 3, "how to save the log, how to save the private values, how to restore both"
    return found
