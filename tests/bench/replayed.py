"""Replays a projection as `mimo replay` does and watches it: how quick it was, and what its processes took of memory.

It must not know what the figures are compared with.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from dataclasses import dataclass

import asyncpg
import psutil

from mimo.replaying import Plan, run_drop, run_replay
from projectors.projection import Projection

LOOK_SECONDS = 0.02
EARLY = 0.1
LONGEST_SECONDS = 30
"""Between the end of a replay and the moment that everything is seen to be applied, which it is."""

_NEWEST = "select coalesce(max(generation), 0) from projection.generation where projection = $1"
_APPLIED = """
    select coalesce(sum("offset"), 0)::bigint from projection.checkpoint
    where projection = $1 and generation = (
        select max(generation) from projection.generation where projection = $1 and generation > $2)"""
_EVENTS = "select count(*) from log.event where topic = any ($1::text[])"


@dataclass
class Replayed:
    """What was seen of one replay.

    Attributes:
        events: that the log had for it.
        seconds: from the first events applied to the last.
        whole_seconds: from the command to the moment that readers see it.
        early_bytes: memory of the largest process that built, when a tenth was done.
        late_bytes: the same at the end.
        first: events that were applied when they were first looked at.
        schema: where its tables are.
    """

    events: int
    seconds: float = 0.0
    whole_seconds: float = 0.0
    early_bytes: int = 0
    late_bytes: int = 0
    first: int = 0
    schema: str = ""

    @property
    def per_second(self) -> float:
        """Events a second while it was built; of all of it, when the first look came too late."""
        if self.first == self.events:
            return self.events / self.whole_seconds
        return (self.events - self.first) / self.seconds

    @property
    def seconds_for_all(self) -> float:
        """How long all events take at that rate."""
        return self.events / self.per_second


async def replayed(url: str, projection: Projection, jobs: int) -> Replayed:
    """Replay a projection to the end; the generation that it replaces is dropped.

    Args:
        url: the database.
        projection: which one.
        jobs: how many processes build.
    """
    connection = await asyncpg.connect(url)
    try:
        before = await connection.fetchval(_NEWEST, projection.name)
        seen = Replayed(await connection.fetchval(_EVENTS, list(projection.topics)))
        watching = asyncio.create_task(_watch(connection, projection, before, seen))
        started = time.perf_counter()
        seen.schema = (await run_replay(url, Plan(projection, jobs=jobs), {}, lambda _: None)).schema
        seen.whole_seconds = time.perf_counter() - started
        await asyncio.wait_for(watching, LONGEST_SECONDS)
    finally:
        await connection.close()
    if before:
        await run_drop(url, projection, before)
    return seen


async def _watch(connection: asyncpg.Connection, projection: Projection, before: int, seen: Replayed) -> None:
    async def applied() -> int:
        return int(await connection.fetchval(_APPLIED, projection.name, before))

    while not (first := await applied()):  # noqa: ASYNC110 - it happens in PostgreSQL
        await asyncio.sleep(LOOK_SECONDS)
    started, now, seen.first = time.perf_counter(), first, first
    while now < seen.events:
        await asyncio.sleep(LOOK_SECONDS)
        now = await applied()
        seen.late_bytes = largest_builder() or seen.late_bytes
        if not seen.early_bytes and now >= EARLY * seen.events:
            seen.early_bytes = seen.late_bytes
    seen.seconds = time.perf_counter() - started


def largest_builder() -> int:
    """Resident memory of the largest process of ours that builds; 0 when there is none."""
    most = 0
    for child in psutil.Process().children():
        with suppress(psutil.Error):
            if "projectors.building" in child.cmdline():
                most = max(most, child.memory_info().rss)
    return most
