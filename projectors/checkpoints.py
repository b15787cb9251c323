"""How far a generation has come, per partition; moved by compare-and-set inside the view's transaction.

It must not know events or tables of views. Whoever changes parked events of a partition locks its checkpoint row first;
`move` does so too, and that keeps the two apart.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import asyncpg

from events.bookmark import Place
from events.errors import MimoError
from events.ports import Reached

CHANNEL = "mimo_view"

_LOAD = """
    select topic, partition, "offset", hint from projection.checkpoint
    where projection = $1 and generation = $2 and partition = any ($3::int[])"""
_OFFSETS = """
    select topic, partition, "offset" from projection.checkpoint
    where projection = $1 and generation = $2 order by topic, partition"""
# Also says that the view changes: the message goes out with the commit.
_MOVE = """
    with moved as (
        update projection.checkpoint c set "offset" = n.upto, hint = coalesce(n.hint, c.hint), stopped = null
        from unnest($3::text[], $4::int[], $5::bigint[], $6::bigint[], $8::bigint[])
            n (topic, partition, after, upto, hint)
        where c.projection = $1 and c.generation = $2
          and c.topic = n.topic and c.partition = n.partition and c."offset" = n.after
        returning 1)
    select count(*), pg_notify($7, $1) from moved"""
_STOP = """
    update projection.checkpoint set stopped = $5
    where projection = $1 and generation = $2 and topic = $3 and partition = $4 and stopped is distinct from $5"""

_STOPPED = """
    select c.stopped from projection.checkpoint c join projection.generation g using (projection, generation)
    where g.projection = $1 and g.version = $2 and g.status = 'live' and c.stopped is not null
    order by c.topic, c.partition limit 1"""


class CheckpointMoved(MimoError):
    """Somebody else applied these events: what was read must be thrown away and the checkpoints loaded again."""


@dataclass(frozen=True)
class Generation:
    """One build of a projection.

    Args:
        projection: the projection's name.
        version: of its code.
        number: counts the projection's builds.
    """

    projection: str
    version: int
    number: int

    @property
    def schema(self) -> str:
        """The schema that holds its tables."""
        return f"{self.projection}_v{self.version}_g{self.number}"


Moves = Mapping[Place, tuple[int, int]]
"""Per place the offset that the checkpoint must have, and the one that it gets."""


async def load(connection: asyncpg.Connection, generation: Generation, partitions: frozenset[int]) -> Reached:
    """How far the generation is in some partitions of every topic that it consumes."""
    rows = await connection.fetch(_LOAD, generation.projection, generation.number, sorted(partitions))
    places = [((row["topic"], row["partition"]), row) for row in rows]
    return Reached(
        {place: row["offset"] for place, row in places},
        {place: row["hint"] for place, row in places if row["hint"] is not None},
    )


async def offsets(connection: asyncpg.Connection, generation: Generation) -> dict[Place, int]:
    """The last applied offset of every partition of every topic."""
    rows = await connection.fetch(_OFFSETS, generation.projection, generation.number)
    return {(row["topic"], row["partition"]): row["offset"] for row in rows}


async def move(
    transaction: asyncpg.Connection, generation: Generation, moves: Moves, hints: Mapping[Place, int]
) -> None:
    """Moves checkpoints on, all or none; the rows stay locked until the transaction ends.

    Args:
        transaction: the one that changes the view.
        generation: whose checkpoints.
        moves: from where to where.
        hints: where the source goes on after them; places without one keep the hint that they have.

    Raises:
        CheckpointMoved: one of them is not where it was expected.
    """
    moved, _ = await transaction.fetchrow(
        _MOVE,
        generation.projection,
        generation.number,
        [topic for topic, _ in moves],
        [partition for _, partition in moves],
        [after for after, _ in moves.values()],
        [upto for _, upto in moves.values()],
        CHANNEL,
        [hints.get(place) for place in moves],
    )
    if moved != len(moves):
        raise CheckpointMoved(f"{generation.schema}: {moved} of {len(moves)} checkpoints were where expected")


async def stop(connection: asyncpg.Connection, generation: Generation, place: Place, reason: str) -> None:
    """Notes why a partition stands still; the next move clears it."""
    await connection.execute(_STOP, generation.projection, generation.number, *place, reason)


async def stopped(connection: asyncpg.Pool | asyncpg.Connection, projection: str, version: int) -> str | None:
    """Why a projection stands still in some partition, whichever process works on it; None while it moves."""
    reason: str | None = await connection.fetchval(_STOPPED, projection, version)
    return reason
