"""Reads a history and opens it, as a projection would have it. It must not know what is done with the events."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial

import asyncpg

from events.ports import Reached
from events.recorded import Recorded
from infra.event_log.reader import PostgresReader
from infra.sealing import KeyRing
from projectors.opening import Opener
from projectors.projection import Projection
from projectors.upkeep import fetch_keys

BATCH_EVENTS = 5_000


@asynccontextmanager
async def opener_of(url: str, projection: Projection) -> AsyncIterator[Opener]:
    """What opens a projection's events."""
    async with asyncpg.create_pool(url, min_size=1, max_size=1) as pool:
        yield Opener(projection, KeyRing(partial(fetch_keys, pool)))


async def recorded(url: str, projection: Projection) -> AsyncGenerator[Sequence[Recorded], None]:
    """All that the log has for a projection, in batches."""
    connection = await asyncpg.connect(url)
    try:
        reader = PostgresReader(connection, projection.topics, BATCH_EVENTS)
        partitions = await connection.fetchval("select partitions from log.installation")
        await reader.start(frozenset(range(partitions)), Reached({}))
        end = None
        while end is None:
            batch, end = await reader.read()
            if batch is not None:
                yield batch.events
    finally:
        await connection.close()
