"""Reads the log forward for the relay, from a position on, and proves with each read that it is still the same log.

It must not know Kafka, nor what is done with the events.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence

import asyncpg

from events.bookmark import Place
from events.recorded import Recorded
from infra.event_log import tail
from infra.event_log.pulse import CHANNEL
from infra.event_log.tail import READ_TIMEOUT_SECONDS
from infra.relay.trouble import Refusal, Unsettled

MOST_EVENTS = 2_000
FIRST_EVENTS = 100
"""The first read shows how large events are. As many large ones as there may be small ones take longer over a slow
network than a transaction may: then each beginning anew would fail like the one before."""
READ_BYTES = 8 * 1024 * 1024
"""What a read aims at, at most: where events are large, fewer are read at once."""
POLL_SECONDS = 0.5

_ID = "select id from log.tail where position = $1"

_READ = """
    select position, id, stream, version, topic, partition, "offset", key, type, schema, data, meta, at
    from log.tail where position >= $1 order by position limit $2"""

Connect = Callable[[], Awaitable[asyncpg.Connection]]


class Source:
    """A cursor over the whole log.

    Args:
        connection: nobody else uses it.
        poll_seconds: how long to wait at the end of the log when nothing notifies.
    """

    def __init__(self, connection: asyncpg.Connection, poll_seconds: float = POLL_SECONDS) -> None:
        self._connection = connection
        self._poll_seconds = poll_seconds
        self._news = asyncio.Event()
        self._missing: dict[Place, int] = {}
        self._before: tuple[int, object] = (0, None)
        self._limit = FIRST_EVENTS
        self.at_end = False
        """Whether the last read came to the end of the log."""

    async def start(self, published: Mapping[Place, int]) -> int:
        """Puts the cursor before the first event that is missing somewhere.

        Args:
            published: the last offset that is there already, of every partition; 0: none.

        Returns:
            The position up to which nothing is missing.
        """
        await self._connection.add_listener(CHANNEL, lambda *_: self._news.set())
        self._connection.add_termination_listener(lambda _: self._news.set())
        self._missing = {place: offset + 1 for place, offset in published.items()}
        position = await tail.complete_upto(self._connection, published)
        self._before = (position, await self._connection.fetchval(_ID, position, timeout=READ_TIMEOUT_SECONDS))
        return position

    async def read(self) -> tuple[int, list[Recorded]]:
        """The next events, without those that are there already.

        Returns:
            The position up to which was read, and the events.

        Raises:
            Unsettled: the log is not the one that it was at the read before.
            Refusal: the log has a gap, or a topic that this version of the code does not know.
        """
        self._news.clear()
        position, event_id = self._before
        limit = self._limit + (position > 0)  # the last event of the read before is read again
        rows = await self._connection.fetch(_READ, position, limit, timeout=READ_TIMEOUT_SECONDS)
        if position > 0:
            if not rows or rows[0]["id"] != event_id:
                raise Unsettled(f"the log has another event at position {position} than before")
            del rows[0]
        self.at_end = len(rows) < self._limit
        if not rows:
            return position, []
        last = rows[-1]
        if last["position"] != position + len(rows):
            raise Refusal(f"The log has a gap between the positions {position} and {last['position']}.")
        self._before = (last["position"], last["id"])
        self._limit = _limit_after(rows)
        return last["position"], self._new(rows)

    async def wait(self) -> None:
        """Returns when there may be news."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._poll_seconds):
                await self._news.wait()

    def _new(self, rows: Sequence[asyncpg.Record]) -> list[Recorded]:
        events = []
        missing = self._missing
        for row in rows:
            place, offset = (row[4], row[5]), row[6]
            expected = missing.get(place)
            if offset == expected:
                missing[place] = offset + 1
                events.append(Recorded(*row))
            elif expected is None:
                raise Refusal(
                    f"The log has events of {place[0]}.{place[1]}, which this version does not know: upgrade."
                )
            elif offset > expected:
                raise Refusal(f"{place[0]}.{place[1]}: after offset {expected - 1} comes {offset}, a gap in the log.")
        return events


def _limit_after(rows: Sequence[asyncpg.Record]) -> int:
    """How many events to read next, if they are as large as the largest of these."""
    largest = max(len(row[10]) for row in rows)
    return max(1, min(MOST_EVENTS, READ_BYTES // max(largest, 1)))


@contextlib.asynccontextmanager
async def source(connect: Connect, poll_seconds: float = POLL_SECONDS) -> AsyncIterator[Source]:
    """A source on a connection of its own."""
    connection = await connect()
    try:
        yield Source(connection, poll_seconds)
    finally:
        connection.terminate()
