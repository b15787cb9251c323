"""Where the pipeline stands: the log's end, and whether topics and views have reached it."""

from dataclasses import dataclass

import asyncpg

from events.bookmark import Place
from infra.kafka.cluster import Cluster
from infra.relay.ends import read_ends

_HEADS = 'select topic, partition, max("offset") from log.event group by topic, partition'
_POSITION = "select coalesce(max(position), 0) from log.event"
_BEHIND = """
    select count(*) from projection.generation g
    join projection.checkpoint c using (projection, generation)
    join unnest($1::text[], $2::int[], $3::bigint[]) h (topic, partition, "offset")
      on h.topic = c.topic and h.partition = c.partition
    where g.status = 'live' and c."offset" < h."offset" """
_RELAY = "select position from log.relay"


@dataclass(frozen=True)
class Target:
    """The end of the log at some moment.

    Attributes:
        position: of the last event.
        heads: the last offset of each partition that has one.
    """

    position: int
    heads: dict[Place, int]


async def end_of(url: str) -> Target:
    """The end of the log now."""
    connection = await asyncpg.connect(url)
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            heads = {(row[0], row[1]): row[2] for row in await connection.fetch(_HEADS)}
            return Target(await connection.fetchval(_POSITION), heads)
    finally:
        await connection.close()


async def reached(url: str, cluster: Cluster, target: Target) -> bool:
    """Whether the topics and all live views have everything up to the target, and the relay has noted so."""
    connection = await asyncpg.connect(url)
    try:
        if await connection.fetchval(_RELAY) < target.position:
            return False
        heads = target.heads
        columns = ([topic for topic, _ in heads], [partition for _, partition in heads], list(heads.values()))
        if await connection.fetchval(_BEHIND, *columns):
            return False
    finally:
        await connection.close()
    ends = await read_ends(cluster, heads)
    return all((last := ends[place].last) is not None and last.offset >= offset for place, offset in heads.items())
