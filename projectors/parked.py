"""Parked events: what could not be applied, and all later events of the same key, in order.

The events stay in the log; a parked row says where. It must not know why an event could not be applied.
"""

from __future__ import annotations

from collections.abc import Sequence

import asyncpg

from events.recorded import Recorded
from projectors.checkpoints import Generation

Key = tuple[str, str]
"""A topic and a key."""

_KEYS = "select distinct topic, key from projection.parked where projection = $1 and generation = $2"
_PARK = """
    insert into projection.parked (projection, generation, topic, partition, "offset", key, event_id, type, error)
    select $1, $2, * from unnest($3::text[], $4::int[], $5::bigint[], $6::text[], $7::uuid[], $8::text[], $9::text[])"""


async def parked_keys(connection: asyncpg.Connection, generation: Generation) -> set[Key]:
    """The keys with parked events, of all partitions."""
    rows = await connection.fetch(_KEYS, generation.projection, generation.number)
    return {(row["topic"], row["key"]) for row in rows}


async def park(transaction: asyncpg.Connection, generation: Generation, events: Sequence[Recorded], error: str) -> None:
    """Sets events aside.

    Args:
        transaction: the one that moves the checkpoint past them.
        generation: which build could not apply them.
        events: in order.
        error: why, without any of their data.
    """
    await transaction.execute(
        _PARK,
        generation.projection,
        generation.number,
        [event.topic for event in events],
        [event.partition for event in events],
        [event.offset for event in events],
        [event.key for event in events],
        [event.id for event in events],
        [event.type for event in events],
        [error] * len(events),
    )
