"""Parked events, once what kept them from being applied is mended: applied in order, or given up for good.

A key's checkpoint row is locked first, as whoever moves it does, so nobody parks another event of the key meanwhile. It
must not know why an event could not be applied.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import asyncpg

from events.bookmark import Place
from events.errors import MimoError
from events.recorded import Recorded
from projectors.checkpoints import CHANNEL, Generation
from projectors.erasing import REWRITTEN
from projectors.failures import Failure, classify, described
from projectors.opening import Opener
from projectors.projection import Projection

_KEYS = """
    select topic, partition, key, count(*)::int as events, min("offset") as first,
      (array_agg(error order by "offset"))[1] as error, (array_agg(type order by "offset"))[1] as type,
      min(parked_at) as parked_at
    from projection.parked where projection = $1 and generation = $2
    group by topic, partition, key order by min(parked_at), topic, partition, key"""
_LOCK = """
    select from projection.checkpoint
    where projection = $1 and generation = $2 and topic = $3 and partition = $4 for update"""
_EVENTS = """
    select e.position, e.id, e.stream, e.version, e.topic, e.partition, e."offset", e.key, e.type, e.schema, e.data,
      e.meta, e.at
    from projection.parked p
    join log.tail e on e.topic = p.topic and e.partition = p.partition and e."offset" = p."offset"
    where p.projection = $1 and p.generation = $2 and p.topic = $3 and p.partition = $4 and p.key = $5
    order by e."offset" limit $6"""
_TAKE_OUT = """
    delete from projection.parked
    where projection = $1 and generation = $2 and topic = $3 and partition = $4 and key = $5 and "offset" <= $6"""
_TELL = "select pg_notify($1, $2)"
SLICE_EVENTS = 500
EVER = 2**63 - 1


class StillParked(MimoError):
    """An event still cannot be applied; those before it were, those after it wait on."""


class OthersParked(MimoError):
    """Other events are parked now than were seen."""


@dataclass(frozen=True)
class ParkedKey:
    """A key of which events are parked.

    Attributes:
        place: topic and partition.
        key: the key.
        events: how many.
        first: the offset of the first, the one that could not be applied.
        error: why that one could not be applied.
        type: of that one.
        parked_at: since when.
    """

    place: Place
    key: str
    events: int
    first: int
    error: str
    type: str
    parked_at: datetime


async def parked(connection: asyncpg.Connection, generation: Generation) -> list[ParkedKey]:
    """The keys of which events are parked, the longest parked first."""
    rows = await connection.fetch(_KEYS, generation.projection, generation.number)
    return [ParkedKey((row["topic"], row["partition"]), *row[2:]) for row in rows]


async def retry(
    connection: asyncpg.Connection, projection: Projection, generation: Generation, opener: Opener, one: ParkedKey
) -> int:
    """Applies a key's parked events in order, some in each transaction, until none is left.

    Args:
        connection: as `ViewSession` gives it.
        projection: applies them.
        generation: whose.
        opener: decodes them.
        one: whose events.

    Returns:
        How many were applied.

    Raises:
        StillParked: one still cannot be applied; the text says which and why.
    """
    done, size = 0, SLICE_EVENTS
    while True:
        events: list[Recorded] = []
        try:
            async with connection.transaction():
                await connection.execute(_LOCK, generation.projection, generation.number, *one.place)
                events = await first_parked(connection, generation, one, size)
                if not events:
                    return done
                if delivered := await opener.open(events):
                    await projection.apply(connection, delivered)
                await _take_out(connection, generation, one, events[-1].offset)
        except Exception as error:
            if not events or classify(error) is Failure.TRANSIENT:
                raise
            if len(events) == 1:
                raise StillParked(_told(events[0], error, done)) from error
            size = len(events) // 2
        else:
            done += len(events)


async def discard(connection: asyncpg.Connection, generation: Generation, one: ParkedKey) -> int:
    """Gives a key's parked events up: the view goes on without them, and so differs from the log.

    Returns:
        How many.

    Raises:
        OthersParked: others are parked by now; none was given up.
    """
    async with connection.transaction():
        await connection.execute(_LOCK, generation.projection, generation.number, *one.place)
        number = await _take_out(connection, generation, one, EVER)
        if number != one.events:
            raise OthersParked(f"Of {one.key} {number} events are parked now, not {one.events}: look again.")
        return number


async def first_parked(
    connection: asyncpg.Connection, generation: Generation, one: ParkedKey, most: int
) -> list[Recorded]:
    """The first parked events of a key, in order.

    Args:
        connection: in the role that writes views.
        generation: which has set them aside.
        one: whose events.
        most: how many at most.
    """
    rows = await connection.fetch(_EVENTS, generation.projection, generation.number, *one.place, one.key, most)
    return [Recorded(*row) for row in rows]


async def _take_out(transaction: asyncpg.Connection, generation: Generation, one: ParkedKey, upto: int) -> int:
    status: str = await transaction.execute(
        _TAKE_OUT, generation.projection, generation.number, *one.place, one.key, upto
    )
    await transaction.execute(_TELL, CHANNEL, generation.projection + REWRITTEN)
    return int(status.removeprefix("DELETE "))


def _told(event: Recorded, error: Exception, done: int) -> str:
    place = f"{event.topic}.{event.partition}:{event.offset}"
    return (
        f"{event.type} {place} of key {event.key} still cannot be applied ({described(error)}); {done} before it were."
    )
