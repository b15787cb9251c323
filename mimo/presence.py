"""Which processes of the system there are on all machines, as they tell it themselves (infra/presence.py), for people.

It must not know what the processes do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import asyncpg
import orjson

from infra.presence import PROCESSES, SILENT_SECONDS


@dataclass(frozen=True)
class Process:
    """One of them.

    Attributes:
        part: what it is.
        host: where it runs.
        pid: its number there.
        version: of the code.
        started_at: since when it serves.
        told_at: when it was last heard of.
        state: ready, unready or silent.
        not_ready: what is not ready there: name and reason of each.
    """

    part: str
    host: str
    pid: int
    version: str
    started_at: datetime
    told_at: datetime
    state: str
    not_ready: Sequence[dict[str, str]]


async def read_processes(connection: asyncpg.Connection) -> tuple[Process, ...]:
    """All that were heard of within the hour."""
    return tuple(_process(row) for row in await connection.fetch(PROCESSES, SILENT_SECONDS))


def process_sentences(processes: Sequence[Process]) -> list[str]:
    """How many there are, and those that are not ready."""
    ready = sum(one.state == "ready" for one in processes)
    said = [f"{len(processes)} {'process' if len(processes) == 1 else 'processes'}, {ready} ready"]
    for one in processes:
        name = f"{one.part} {one.pid} on {one.host}"
        if one.state == "silent":
            said.append(f"{name}: nothing heard since {one.told_at:%Y-%m-%d %H:%M:%S}")
        elif one.state == "unready":
            reasons = [f"{missing['name']}: {missing['reason']}" for missing in one.not_ready]
            said.append(f"{name} is not ready: {'; '.join(reasons)}")
    return said


def _process(row: asyncpg.Record) -> Process:
    found: dict[str, Any] = dict(row)
    del found["id"]
    return Process(**found | {"not_ready": orjson.loads(found["not_ready"])})
