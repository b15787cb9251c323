"""Applies a section of the log to one generation: from its checkpoints to given offsets, and not an event further.

It must not know what the generation is for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import asyncpg

from events.bookmark import Place
from events.ports import Batch
from infra.event_log.reader import PostgresReader
from projectors.batches import Batches
from projectors.projection import Projection
from projectors.runner import BATCH_EVENTS


async def apply_upto(
    connection: asyncpg.Connection,
    projection: Projection,
    batches: Batches,
    upto: Mapping[Place, int],
    tell: Callable[[int, int], None],
) -> None:
    """Brings a generation to exactly these offsets.

    Args:
        connection: to read the log with; nobody else uses it.
        projection: whose events.
        batches: the generation's writer; nobody else writes to it.
        upto: the last offset of every partition; none may be behind the generation's own.
        tell: is told how many events of how many it has.

    Raises:
        BrokenLog: the log lacks events.
        Stopped: an event cannot be applied.
    """
    partitions = frozenset(partition for _, partition in upto)
    reached = await batches.load(partitions)
    applied, events = sum(reached.offsets.values()), sum(upto.values())
    reader = PostgresReader(connection, projection.topics, BATCH_EVENTS)
    await reader.start(partitions, reached)
    tell(applied, events)
    while applied < events:
        batch, end = await reader.read()
        if batch is not None:
            wanted = [event for event in batch.events if event.offset <= upto[event.topic, event.partition]]
            if wanted:
                await batches.deliver(Batch(wanted), await batches.open(wanted))
            applied += len(wanted)
            tell(applied, events)
        assert batch is not None or end is None or applied >= events, "checkpoints were in the log"
