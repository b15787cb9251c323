"""Which revision a database is at, and which is the newest that this program knows.

It must not change anything.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import asyncpg
from alembic.script import ScriptDirectory

_PRESENT = "select version_num from mimo_migration"


@dataclass(frozen=True)
class Revision:
    """How new a database is.

    Attributes:
        present: its revision; None before the first migration.
        newest: the newest one known here.
        known: whether this program knows the present one.
    """

    present: str | None
    newest: str
    known: bool


async def read_revision(connection: asyncpg.Connection) -> Revision:
    """Asks the database for its revision.

    Args:
        connection: of the owner.
    """
    scripts = ScriptDirectory(str(Path(__file__).parent))
    revisions = {script.revision for script in scripts.walk_revisions()}
    newest = scripts.get_current_head() or ""
    try:
        present: str | None = await connection.fetchval(_PRESENT)
    except asyncpg.UndefinedTableError:
        present = None
    return Revision(present, newest, present is None or present in revisions)
