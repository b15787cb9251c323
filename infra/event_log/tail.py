"""Questions to the log in PostgreSQL (`log.tail`) that every follower asks, whatever it reads events from.

It must not know who asks.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import asyncpg

from events.bookmark import Place
from events.errors import BrokenLog
from events.recorded import Recorded

READ_TIMEOUT_SECONDS = 10.0
BATCH_BYTES = 8 * 1024 * 1024
"""What the events of a batch hold at most, or one more than that; of usual ones the largest batch holds a third."""

_ENDS = """
    select t.topic, p.partition, coalesce((
        select max(e."offset") from log.tail e where e.topic = t.topic and e.partition = p.partition), 0) as "offset"
    from unnest($1::text[]) t (topic)
    cross join (select generate_series(0, i.partitions - 1) as partition from log.installation i) p"""
# The smallest position that some partition still needs, less one; the log's end when none needs anything. One snapshot.
_START = """
    select coalesce((
        select min(e.position) - 1 from unnest($1::text[], $2::int[], $3::bigint[]) c (topic, partition, "offset")
        cross join lateral (
            select t.position from log.tail t
            where t.topic = c.topic and t.partition = c.partition and t."offset" = c."offset" + 1 limit 1) e
    ), (select max(position) from log.tail), 0)"""
_UNKNOWN = """
    select c.topic, c.partition, c."offset"
    from unnest($1::text[], $2::int[], $3::bigint[]) c (topic, partition, "offset")
    where c."offset" > 0 and not exists (
        select from log.tail t where t.topic = c.topic and t.partition = c.partition and t."offset" = c."offset")"""
_PAGE = """
    select position, id, stream, version, topic, partition, "offset", key, type, schema, data, meta, at
    from (
        select p.*, sum(octet_length(data::text)) over (order by "offset" rows unbounded preceding)
            - octet_length(data::text) as bytes_before
        from (
            select * from log.tail
            where topic = $1 and partition = $2 and "offset" > $3 and "offset" <= $4
            order by "offset" limit $5) p) measured
    where bytes_before < $6
    order by measured."offset" """
_DIFFERENT = """
    select c.topic, c.partition, c."offset"
    from unnest($1::text[], $2::int[], $3::bigint[], $4::uuid[]) c (topic, partition, "offset", id)
    where not exists (
        select from log.tail t
        where t.topic = c.topic and t.partition = c.partition and t."offset" = c."offset" and t.id = c.id)
    limit 1"""

Columns = tuple[list[str], list[int], list[int]]


def columns(offsets: Mapping[Place, int]) -> Columns:
    """Places and offsets as three arrays, the way the statements take them."""
    return [topic for topic, _ in offsets], [partition for _, partition in offsets], list(offsets.values())


async def ends(connection: asyncpg.Connection, topics: Sequence[str]) -> dict[Place, int]:
    """The last offset of every partition of some topics now; 0 for an empty one."""
    rows = await connection.fetch(_ENDS, list(topics), timeout=READ_TIMEOUT_SECONDS)
    return {(row["topic"], row["partition"]): row["offset"] for row in rows}


async def complete_upto(connection: asyncpg.Connection, offsets: Mapping[Place, int]) -> int:
    """The position up to which somebody has everything.

    Args:
        connection: where to ask.
        offsets: the last one that they have of each partition; 0: none.
    """
    position: int = await connection.fetchval(_START, *columns(offsets), timeout=READ_TIMEOUT_SECONDS)
    return position


async def ensure_known(connection: asyncpg.Connection, checkpoints: Mapping[Place, int]) -> None:
    """Fails when a checkpoint is of another history.

    Raises:
        BrokenLog: it names an event that the log does not have.
    """
    if row := await connection.fetchrow(_UNKNOWN, *columns(checkpoints), timeout=READ_TIMEOUT_SECONDS):
        raise BrokenLog(f"The checkpoint {row[0]}.{row[1]}:{row[2]} is ahead of the log: another history?")


async def page(connection: asyncpg.Connection, place: Place, after: int, upto: int, limit: int) -> list[Recorded]:
    """Events of one partition in order.

    Args:
        connection: where to ask.
        place: the partition.
        after: the offset before the first.
        upto: the offset of the last at most.
        limit: how many at most; fewer when they are large.
    """
    rows = await connection.fetch(_PAGE, *place, after, upto, limit, BATCH_BYTES, timeout=READ_TIMEOUT_SECONDS)
    return [Recorded(*row) for row in rows]


async def ensure_same(connection: asyncpg.Connection, events: Collection[Recorded]) -> None:
    """Compares events that come from elsewhere with what the log has at their places, by id, in one query.

    Raises:
        BrokenLog: the log has nothing there, or another event.
    """
    if row := await connection.fetchrow(
        _DIFFERENT,
        [event.topic for event in events],
        [event.partition for event in events],
        [event.offset for event in events],
        [event.id for event in events],
        timeout=READ_TIMEOUT_SECONDS,
    ):
        raise BrokenLog(
            f"The topics hold what the log does not, {row[0]}.{row[1]}:{row[2]}. Was the database restored from an "
            "older backup? `mimo doctor` says more."
        )
