"""Reads the log in PostgreSQL forward from checkpoints, a batch at a time, and proves that nothing is missing.

Each query looks at a bounded window of positions, so it takes bounded time however rare the topics are. Who is far
behind reads partition by partition first (backlog.py). It must not know who reads, nor how partitions are shared; it
never waits for new events.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping, Sequence

import asyncpg

from events.bookmark import Place
from events.errors import BrokenLog
from events.ports import Batch, CaughtUp, Reached
from events.recorded import Recorded
from infra.event_log import tail
from infra.event_log.backlog import Backlog
from infra.event_log.tail import READ_TIMEOUT_SECONDS

WINDOW_POSITIONS = 10_000
BACKLOG_POSITIONS = 50_000
"""Further behind than this is far behind."""

_HEAD = "select coalesce(max(position), 0) from log.tail"

# `|| ''` and `+ 0` keep the planner away from the index by topic: positions are what bounds the work.
_READ = """
    select position, id, stream, version, topic, partition, "offset", key, type, schema, data, meta, at
    from (
        select w.*, sum(octet_length(data::text)) over (order by position rows unbounded preceding)
            - octet_length(data::text) as bytes_before
        from (
            select * from log.tail
            where position > $1 and position <= $2
                and topic || '' = any ($3::text[]) and partition + 0 = any ($4::int[])
            order by position limit $5) w) measured
    where bytes_before < $6
    order by position"""
LARGEST_CHARACTER_BYTES = 4


class PostgresReader:
    """Implements `follower.Reader`: a cursor over the log for some topics and partitions.

    Args:
        connection: nobody else uses it.
        topics: full topic names.
        batch_size: the most events in one batch; fewer when they are large.
        shuffle: mixes partitions at random, keeping the order within each; for tests.
    """

    def __init__(
        self,
        connection: asyncpg.Connection,
        topics: Sequence[str],
        batch_size: int,
        shuffle: random.Random | None = None,
    ) -> None:
        self._connection = connection
        self._topics = list(topics)
        self._batch_size = batch_size
        self._shuffle = shuffle
        self._partitions: list[int] = []
        self._next: dict[Place, int] = {}
        self._cursor = 0
        self._head = 0  # a position up to which everything is committed, as far as is known
        self._backlog: Backlog | None = None
        self._told = asyncio.Event()

    def tell(self, head: int) -> None:
        """Everything up to this position is committed."""
        self._head = max(self._head, head)
        self._told.set()

    async def start(self, partitions: frozenset[int], reached: Reached) -> None:
        """Puts the cursor where the first missing event is.

        Args:
            partitions: the partition numbers to read of every topic.
            reached: the last applied offsets; missing means 0.

        Raises:
            BrokenLog: a checkpoint names an event that the log does not have.
        """
        self._partitions = sorted(partitions)
        places = [(topic, partition) for topic in self._topics for partition in self._partitions]
        offsets = {place: reached.offsets.get(place, 0) for place in places}
        self._next = {place: offset + 1 for place, offset in offsets.items()}
        await tail.ensure_known(self._connection, offsets)
        self._cursor = await tail.complete_upto(self._connection, offsets)
        self._backlog = await self._far_behind(offsets)

    async def news(self) -> None:
        """Returns when something was told that no read knew of."""
        await self._told.wait()

    async def close(self) -> None:
        """Nothing is its own: the connection is its opener's."""

    async def read(self) -> tuple[Batch | None, CaughtUp | None]:
        """The next events, and whether they were the last ones; looks through windows until there is either.

        Raises:
            BrokenLog: an offset is missing.
        """
        if self._backlog is not None:
            if events := await self._backlog.read(self._next):
                return Batch(self._new(events)), None
            self._cursor, self._backlog = self._backlog.head, None
        while True:
            self._told.clear()
            if self._cursor >= self._head:
                self._head = await self._connection.fetchval(_HEAD, timeout=READ_TIMEOUT_SECONDS)
                if self._cursor >= self._head:
                    return None, CaughtUp(self._cursor)
            end = min(self._cursor + WINDOW_POSITIONS, self._head)
            rows = await self._connection.fetch(
                _READ,
                self._cursor,
                end,
                self._topics,
                self._partitions,
                self._batch_size,
                tail.BATCH_BYTES,
                timeout=READ_TIMEOUT_SECONDS,
            )
            self._cursor = rows[-1]["position"] if self._may_be_cut(rows) else end
            if events := self._new([Recorded(*row) for row in rows]):
                # Whether that is the end of the log now is a new question, which costs a query; asked when it matters.
                at_end = self._cursor >= self._head
                return Batch(events), CaughtUp(self._cursor) if at_end else None

    async def _far_behind(self, offsets: Mapping[Place, int]) -> Backlog | None:
        """What to read before going on by positions."""
        head = await self._connection.fetchval(_HEAD, timeout=READ_TIMEOUT_SECONDS)
        if head - self._cursor <= BACKLOG_POSITIONS:
            return None
        ends = await tail.ends(self._connection, self._topics)  # after the head, so nothing up to it is beyond them
        return Backlog(self._connection, head, {place: ends[place] for place in offsets}, self._batch_size)

    def _may_be_cut(self, rows: Sequence[asyncpg.Record]) -> bool:
        """Whether there may be more in the window."""
        characters = sum(len(row[10]) for row in rows)
        return len(rows) == self._batch_size or characters * LARGEST_CHARACTER_BYTES >= tail.BATCH_BYTES

    def _new(self, events: Sequence[Recorded]) -> list[Recorded]:
        """Those that the checkpoints do not cover, proven to follow one another."""
        new = []
        following = self._next
        for event in events:
            place, offset = (event.topic, event.partition), event.offset
            expected = following[place]
            if offset == expected:
                following[place] = offset + 1
                new.append(event)
            elif offset > expected:
                raise BrokenLog(f"{place[0]}.{place[1]}: after offset {expected - 1} comes {offset}, a gap in the log.")
        return mixed(new, self._shuffle) if self._shuffle else new


def mixed(events: Sequence[Recorded], chance: random.Random) -> list[Recorded]:
    """The same events in another order that keeps each partition's."""
    queues: dict[Place, list[Recorded]] = {}
    for event in reversed(events):
        queues.setdefault((event.topic, event.partition), []).append(event)
    places = [(event.topic, event.partition) for event in events]
    chance.shuffle(places)
    return [queues[place].pop() for place in places]
