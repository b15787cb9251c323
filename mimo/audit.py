"""`mimo operations`: what operators had done to the system, as the log has it.

It must not know how operations are found or carried out; the operators' desk reads the same (query_api).
"""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import typer

from mimo.options import AsJson, Data, read_settings

APPLICATION = "mimo-audit"


def operations(
    limit: Annotated[int, typer.Option(min=1, max=1000, help="So many, the latest.")] = 20,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """List who had what done to the system, at the desk or on the command line, and what came of it; latest first."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from mimo.database import database
    from mimo.event_text import printable, short_ids

    with database(read_settings(data=data)) as url:
        found = asyncio.run(_read(url, limit))
    if as_json:
        typer.echo(json.dumps(found, default=str))
        return
    table = Table("asked", "by", "what", "outcome", "said")
    table.columns[0].no_wrap = True
    for one in found:
        what = " ".join([one["action"], one["target"], *(f"{name}={value}" for name, value in one["options"].items())])
        asked = one["asked_at"].isoformat(sep=" ", timespec="seconds").removesuffix("+00:00")
        outcome = one["outcome"] or _standing(one["progress"])
        cells = (asked, short_ids(one["asked_by"]), what, outcome, one["said"] or "")
        table.add_row(*(Text(printable(cell)) for cell in cells))
    Console().print(table)


def _standing(progress: dict[str, Any] | None) -> str:
    """How one stands that has not ended."""
    from infra.presence import SILENT_SECONDS

    if progress is None:
        return "not ended"
    far = f"{progress['doing']}: {progress['done']} of {progress['total']}"
    if datetime.now(UTC) - progress["told_at"] < timedelta(seconds=SILENT_SECONDS):
        return far
    return f"not ended, nothing heard since {progress['told_at']:%H:%M:%S}; {far}"


async def _read(url: str, limit: int) -> list[dict[str, Any]]:
    from infra.postgres import Role
    from mimo.database import connected
    from query_api.routes.operations import latest

    async with connected(url, APPLICATION, Role.QUERY) as connection:
        return await latest(connection, limit)
