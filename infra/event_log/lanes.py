"""Lanes: the ways through the log that have an index. All of it, one stream, one partition of a topic.

Along a lane events are numbered from 1 without gaps, in the order of their positions: by position, version or offset.
So any part of it is found by halving, and read in windows of numbers, each in bounded time however rare what is looked
for may be, and however old the planner's statistics. It must not know which lane is worth taking, nor who looks.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Self

import asyncpg

from events.errors import BrokenLog
from events.recorded import Recorded
from infra.event_log.tail import READ_TIMEOUT_SECONDS
from infra.event_log.wanted import Grouping, Wanted

PAGE_EVENTS = 500
"""In memory at once, for each lane; the largest event is a tenth of a megabyte."""
WINDOW = 10_000
PATTERN_WINDOW = 2_000
"""Numbers that one statement looks through at most; matching a pattern costs most."""
LAST_POSITION = 2**63 - 1

# Parameters: 1 kind, 2 stream or topic, 3 partition, 4 and 5 the numbers after which and up to which. Only the branch
# of that kind is run. `|| ''` keeps the planner away from other indexes than the lane's.
# What is sealed is random: a pattern that is found in nothing else was not found.
_READ = """
    select e.number, e.position, e.id, e.stream, e.version, e.topic, e.partition, e."offset", e.key, e.type, e.schema,
           e.data, e.meta, e.at
    from (
        select t.position as number, t.* from log.tail t where $1 = 'log' and t.position > $4 and t.position <= $5
        union all
        select t.version, t.* from log.tail t
        where $1 = 'stream' and t.stream = $2 and t.version > $4 and t.version <= $5
        union all
        select t."offset", t.* from log.tail t
        where $1 = 'partition' and t.topic = $2 and t.partition = $3 and t."offset" > $4 and t."offset" <= $5
    ) e
    where ($6::text[] is null or e.type || '' = any ($6)) and ($7::text is null or e.topic || '' = $7)
      and ($8::text is null or e.stream || '' = $8) and ($9::text is null or e.key = $9)
      and ($10::text is null or e.meta ->> 'actor' = $10)
      and ($11::text is null or case when e.data::text ~ $11
           then regexp_replace(e.data::text, '"sealed":"[^"]*"', '"sealed":""') ~ $11 end)
    order by e.number limit $12"""
_COUNT = """
    select coalesce(case $12
               when 'type' then e.type when 'topic' then e.topic when 'stream' then e.stream
               when 'day' then to_char(e.at at time zone 'UTC', 'YYYY-MM-DD') when 'actor' then e.meta ->> 'actor'
           end, '') as what, count(*) as events
    from (
        select t.* from log.tail t where $1 = 'log' and t.position > $4 and t.position <= $5
        union all
        select t.* from log.tail t where $1 = 'stream' and t.stream = $2 and t.version > $4 and t.version <= $5
        union all
        select t.* from log.tail t
        where $1 = 'partition' and t.topic = $2 and t.partition = $3 and t."offset" > $4 and t."offset" <= $5
    ) e
    where ($6::text[] is null or e.type || '' = any ($6)) and ($7::text is null or e.topic || '' = $7)
      and ($8::text is null or e.stream || '' = $8) and ($9::text is null or e.key = $9)
      and ($10::text is null or e.meta ->> 'actor' = $10)
      and ($11::text is null or case when e.data::text ~ $11
           then regexp_replace(e.data::text, '"sealed":"[^"]*"', '"sealed":""') ~ $11 end)
    group by 1"""
# How many events of a lane lie at or before position 4 and before time 5 (null: whenever), by halving.
_REACH = """
    with recursive search (low, high) as (
        select 0::bigint, coalesce(case $1
            when 'log' then (select max(t.position) from log.tail t)
            when 'stream' then (select max(t.version) from log.tail t where t.stream = $2)
            else (select max(t."offset") from log.tail t where t.topic = $2 and t.partition = $3) end, 0)
        union all
        select case when e.within then m.middle else s.low end, case when e.within then s.high else m.middle - 1 end
        from search s
        cross join lateral (select (s.low + s.high + 1) / 2) m (middle)
        cross join lateral (
            select p.position <= $4 and ($5::timestamptz is null or p.at < $5) as within from (
                select t.position, t.at from log.tail t where $1 = 'log' and t.position = m.middle
                union all
                select t.position, t.at from log.tail t
                where $1 = 'stream' and t.stream = $2 and t.version = m.middle
                union all
                select t.position, t.at from log.tail t
                where $1 = 'partition' and t.topic = $2 and t.partition = $3 and t."offset" = m.middle
            ) p
        ) e
        where s.low < s.high
    )
    select low from search where low = high"""


class Lane(NamedTuple):
    """One way through the log.

    Args:
        kind: `log`, `stream` or `partition`.
        name: the stream, or the topic.
        partition: its number.
    """

    kind: str = "log"
    name: str = ""
    partition: int = 0


LOG = Lane()


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of a lane: the numbers after `after` up to `upto`."""

    lane: Lane
    after: int
    upto: int

    def __len__(self) -> int:
        return max(0, self.upto - self.after)

    def part(self, after: int, upto: int) -> Self:
        """Another stretch of the same lane."""
        return type(self)(self.lane, after, upto)


async def reach(
    connection: asyncpg.Connection, lane: Lane, *, upto: int = LAST_POSITION, before: datetime | None = None
) -> int:
    """How many events of a lane lie at or before a position, and before a time if one is given.

    Raises:
        BrokenLog: a number is missing in the lane.
    """
    found: int | None = await connection.fetchval(_REACH, *lane, upto, before, timeout=READ_TIMEOUT_SECONDS)
    if found is None:
        raise BrokenLog(f"A number is missing in the {lane.kind} {lane.name}: run `mimo doctor`.")
    return found


async def events(connection: asyncpg.Connection, stretch: Stretch, wanted: Wanted) -> AsyncGenerator[Recorded, None]:
    """The wanted events of a stretch, in order."""
    largest = PATTERN_WINDOW if wanted.pattern is not None else WINDOW
    after, width = stretch.after, PAGE_EVENTS
    while after < stretch.upto:
        end = min(after + width, stretch.upto)
        rows = await connection.fetch(
            _READ, *stretch.lane, after, end, *_conditions(wanted), PAGE_EVENTS, timeout=READ_TIMEOUT_SECONDS
        )
        if len(rows) == PAGE_EVENTS:  # the rest of the window would be looked through again
            end, width = rows[-1][0], max(PAGE_EVENTS, width // 2)
        elif len(rows) < PAGE_EVENTS // 4:
            width = min(4 * width, largest)
        for row in rows:
            yield Recorded(*row[1:])
        after = end


async def last(connection: asyncpg.Connection, stretch: Stretch, wanted: Wanted, number: int) -> list[Recorded]:
    """The last wanted events of a stretch, in order."""
    found: list[Recorded] = []
    largest = PATTERN_WINDOW if wanted.pattern is not None else WINDOW
    upto, width = stretch.upto, number
    while len(found) < number and upto > stretch.after:
        after = max(stretch.after, upto - width)
        earlier = [event async for event in events(connection, stretch.part(after, upto), wanted)]
        found = (earlier + found)[-number:]
        upto, width = after, min(4 * width, max(largest, number))
    return found


async def counts(
    connection: asyncpg.Connection, stretch: Stretch, wanted: Wanted, by: Grouping | None
) -> AsyncIterator[tuple[str, int]]:
    """How many wanted events a stretch has of what; the same thing comes again with every window."""
    width = PATTERN_WINDOW if wanted.pattern is not None else WINDOW
    for after in range(stretch.after, stretch.upto, width):
        upto = min(after + width, stretch.upto)
        question = (*stretch.lane, after, upto, *_conditions(wanted), by)
        for row in await connection.fetch(_COUNT, *question, timeout=READ_TIMEOUT_SECONDS):
            yield row[0], row[1]


def _conditions(wanted: Wanted) -> Iterable[object]:
    types = list(wanted.types) or None
    return types, wanted.topic, wanted.stream, wanted.key, wanted.actor, wanted.pattern
