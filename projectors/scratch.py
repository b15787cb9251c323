"""A generation of one's own: built from the log up to any offsets, looked at, and dropped again, unless somebody made a
scratch schema of it meanwhile. Readers never see it.

It must not know what it is looked at for.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial

import asyncpg

from events.bookmark import Place
from events.ports import Batch
from infra.event_log.postgres import PostgresLog
from projectors.batches import Batches
from projectors.checkpoints import Generation
from projectors.generations import aside, drop_retired, retire_aside
from projectors.progress import Progress
from projectors.projection import Projection
from projectors.replay import ReplayFailed, patiently
from projectors.section import apply_upto
from projectors.session import Connect
from projectors.upkeep import Upkeep

Tell = Callable[[int, int], None]
_OFFSETS_AT = """
    select topic, partition, max("offset") as "offset" from log.tail
    where position <= $1 and topic = any ($2::text[]) group by topic, partition"""
_PARTITIONS = "select partitions from log.installation"


@dataclass(frozen=True)
class Access:
    """How a scratch generation gets at the database, always in the role that writes views.

    Attributes:
        connect: opens a connection.
        endless: opens one whose transactions have no time-out.
        pool: further connections, used shortly.
        tell: is told how many events of how many are applied.
    """

    connect: Connect
    endless: Connect
    pool: asyncpg.Pool
    tell: Tell


class Scratch:
    """One such generation.

    Args:
        projection: whose.
        generation: where its tables are.
        connection: looks at it; nobody else uses it.
        batches: writes to it.
        tell: is told how far it is.
    """

    def __init__(
        self,
        projection: Projection,
        generation: Generation,
        connection: asyncpg.Connection,
        batches: Batches,
        tell: Tell,
    ) -> None:
        self.generation = generation
        self.connection = connection
        self._projection = projection
        self._batches = batches
        self._tell = tell

    async def bring_to(self, upto: Mapping[Place, int]) -> None:
        """Brings it to exactly these offsets, none of which it has passed.

        Raises:
            Stopped: an event cannot be applied.
        """
        await apply_upto(self.connection, self._projection, self._batches, upto, self._tell)

    async def apply(self, batches: AsyncIterator[Batch], events: int) -> None:
        """Applies chosen events, and no others before or between them.

        Args:
            batches: of an empty generation, in order.
            events: how many they are, to be told.

        Raises:
            Stopped: one of them cannot be applied.
        """
        applied = 0
        self._tell(applied, events)
        async for batch in batches:
            await self._batches.deliver(batch, await self._batches.open(batch.events))
            applied += len(batch.events)
            self._tell(applied, events)


@asynccontextmanager
async def scratch(projection: Projection, access: Access) -> AsyncIterator[Scratch]:
    """Makes an empty one, keeps erased people out of it, and drops it in the end if it is still aside.

    Args:
        projection: whose.
        access: to the database.
    """
    connection = await access.endless()
    upkeep = Upkeep(access.connect, PostgresLog(access.connect), access.pool)
    erasing = asyncio.create_task(upkeep.run(), name="upkeep")
    try:
        generation = await aside(connection, projection)
        try:
            progress = Progress(projection.name, live=False)
            with upkeep.writing(projection, generation, progress) as batches:
                yield Scratch(projection, generation, connection, batches, access.tell)
        finally:
            await retire_aside(connection, generation)
            with suppress(ReplayFailed):  # then projectors drop it, or whoever comes along next
                await patiently(partial(drop_retired, connection, projection.name))
    finally:
        connection.terminate()
        erasing.cancel()
        with suppress(asyncio.CancelledError):
            await erasing


async def offsets_at(connection: asyncpg.Connection, projection: Projection, position: int) -> dict[Place, int]:
    """The last offset of every partition of a projection's topics, up to a position of the log."""
    partitions = await connection.fetchval(_PARTITIONS)
    found = {(topic, partition): 0 for topic in projection.topics for partition in range(partitions)}
    rows = await connection.fetch(_OFFSETS_AT, position, list(projection.topics))
    return found | {(row["topic"], row["partition"]): row["offset"] for row in rows}
