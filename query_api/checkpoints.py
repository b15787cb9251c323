"""What the database tells about the views: how far they have come, and which keys changed on the way.

It must not know what is done with that (freshness.py).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

import asyncpg

from query_api.cache import Mark, Tag

ERASURES = "mimo.users"
"""The topic that tells who was erased."""


class Behind(NamedTuple):
    """A projection behind the views, as `read.checkpoints` is asked for it.

    Args:
        projection: its name.
        version: which one's views are read (`read.users_v1` and so on).
        topics: what it consumes: the topic of its rows first.
    """

    projection: str
    version: int
    topics: tuple[str, ...]


PROJECTIONS: Mapping[str, Behind] = {
    behind.projection: behind
    for behind in (
        Behind("users", 1, ("mimo.users",)),
        Behind("courses", 1, ("mimo.courses",)),
        Behind("enrollments", 1, ("mimo.enrollments",)),
        Behind("messages", 1, ("mimo.messages", ERASURES)),
        Behind("search", 1, ("mimo.messages", ERASURES)),
        Behind("reading", 1, ("mimo.reading",)),
        Behind("moderation", 1, ("mimo.moderation",)),
    )
}
"""The projections that this API reads, by name."""

INSTALLATION = "select log_id, partitions from log.installation"

CHECKPOINTS = """
select c.projection, c.generation, c.topic, c.partition, c."offset", c.stopped is not null as stopped,
  exists (select from read.parked p where p.projection = c.projection and p.version = c.version
          and p.topic = c.topic and p.partition = c.partition) as parked
from unnest($1::text[], $2::integer[]) r (projection, version)
join read.checkpoint c on c.projection = r.projection and c.version = r.version
"""

CHANGED = """
select t.topic, t.key, case t.type
    when 'Enrolled' then array[t.data ->> 'user_id']
    when 'Unenrolled' then array[t.data ->> 'user_id']
    when 'ChannelOpened' then array[t.data ->> 'course_id', t.data ->> 'owner_id']
    when 'DirectChannelOpened' then array[t.data #>> '{people,0}', t.data #>> '{people,1}']
    when 'UserErased' then array['erased ' || t.key]
  end as also
from unnest($1::text[], $2::integer[], $3::bigint[], $4::bigint[]) r (topic, partition, after, upto)
cross join lateral (
  select e.topic, e.key, e.type, e.data from log.tail e
  where e.topic = r.topic and e.partition = r.partition and e."offset" > r.after and e."offset" <= r.upto
  order by e."offset"
) t
"""
"""Which keys changed; `also` is what else rows are looked up by, as far as the event tells it."""

Range = tuple[str, int, int, int]
"""Events of a topic and a partition, after an offset, up to another one."""


@dataclass(frozen=True, slots=True)
class History:
    """Which log is read, and into how many partitions each topic of it is divided."""

    log_id: UUID
    partitions: int


@dataclass(frozen=True, slots=True)
class Seen:
    """The views at one moment.

    Args:
        offsets: the last applied offset of each mark.
        generations: the live generation of each projection.
        stopped: projections that stand still before an event that they cannot apply.
        parked: where events were set aside.
    """

    offsets: Mapping[Mark, int]
    generations: Mapping[str, int]
    stopped: frozenset[str]
    parked: frozenset[Mark]


def erased(user_id: UUID) -> str:
    """What changes when a person is erased, beside what changes with any event of theirs (see `CHANGED`)."""
    return f"erased {user_id}"


async def history_of(connection: asyncpg.Connection) -> History:
    """The history that a database holds."""
    row = await connection.fetchrow(INSTALLATION)
    return History(row["log_id"], row["partitions"])


async def see(connection: asyncpg.Connection) -> Seen:
    """How far the views have come."""
    versions = [behind.version for behind in PROJECTIONS.values()]
    rows = await connection.fetch(CHECKPOINTS, [*PROJECTIONS], versions)
    marks: list[Mark] = [(row["projection"], row["topic"], row["partition"]) for row in rows]
    return Seen(
        {mark: row["offset"] for mark, row in zip(marks, rows, strict=True)},
        {row["projection"]: row["generation"] for row in rows},
        frozenset(row["projection"] for row in rows if row["stopped"]),
        frozenset(mark for mark, row in zip(marks, rows, strict=True) if row["parked"]),
    )


async def changed_in(connection: asyncpg.Connection, ranges: Collection[Range]) -> set[Tag]:
    """What the events of some ranges changed."""
    rows = await connection.fetch(CHANGED, *(list(column) for column in zip(*ranges, strict=True)))
    changed = {(row["topic"], row["key"]) for row in rows}
    changed.update((row["topic"], also) for row in rows for also in row["also"] or () if also)
    return changed
