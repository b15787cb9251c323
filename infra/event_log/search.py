"""Looking for events in the log: by type, stream, key, actor, topic, time, position, and what their data match.

It takes the way through the log that has the fewest events to look at. Personal data stay sealed: nothing here
asks for a key. It must not know how filters are written, nor how events are shown.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from uuid import UUID

import asyncpg

from events.errors import CannotStart, InvalidRequest
from events.recorded import Recorded
from infra.event_log import lanes
from infra.event_log.lanes import LOG, Lane, Stretch
from infra.event_log.tail import READ_TIMEOUT_SECONDS
from infra.event_log.wanted import Grouping, Wanted
from infra.postgres import Role, connect

PARTITIONS_PAY_BELOW = 0.1
"""Share of the log up to which its topics' partitions are the shorter way: they are strewn over the whole log."""

_HEAD = "select coalesce(max(position), 0) from log.tail"
_PARTITIONS = "select partitions from log.installation"
_LOG_ID = "select log_id from log.installation"
_PATTERN = "select '' ~ $1"
_BY_ID = """
    select position, id, stream, version, topic, partition, "offset", key, type, schema, data, meta, at
    from log.tail where id = $1"""


class Search:
    """Asks one connection.

    Args:
        connection: nobody else uses it meanwhile.
    """

    def __init__(self, connection: asyncpg.Connection) -> None:
        self.connection = connection

    async def head(self) -> int:
        """The position of the last event; 0 for an empty log."""
        position: int = await self.connection.fetchval(_HEAD, timeout=READ_TIMEOUT_SECONDS)
        return position

    async def history(self) -> UUID:
        """The log's id."""
        log_id: UUID = await self.connection.fetchval(_LOG_ID, timeout=READ_TIMEOUT_SECONDS)
        return log_id

    async def bounds(self, wanted: Wanted) -> Stretch:
        """The part of the log, as it is now, that the wanted times and positions leave.

        Raises:
            InvalidRequest: the pattern is no regular expression.
        """
        if wanted.pattern is not None:
            try:
                await self.connection.fetchval(_PATTERN, wanted.pattern, timeout=READ_TIMEOUT_SECONDS)
            except asyncpg.InvalidRegularExpressionError as error:
                raise InvalidRequest(f"{wanted.pattern!r} is no regular expression: {error}.") from None
        after, upto = wanted.first - 1, await self.head()
        if wanted.last is not None:
            upto = min(upto, wanted.last)
        if wanted.since is not None:
            after = max(after, await lanes.reach(self.connection, LOG, before=wanted.since))
        if wanted.until is not None:
            upto = min(upto, await lanes.reach(self.connection, LOG, before=wanted.until))
        return Stretch(LOG, after, max(after, upto))

    async def events(self, wanted: Wanted, bounds: Stretch) -> AsyncGenerator[Recorded, None]:
        """The wanted events within some bounds, by position, a page in memory at a time."""
        ways = await self.ways(wanted, bounds)
        async for event in _merged([lanes.events(self.connection, way, wanted) for way in ways]):
            yield event

    async def last(self, wanted: Wanted, bounds: Stretch, number: int) -> list[Recorded]:
        """The last wanted events within some bounds, by position.

        Args:
            wanted: which.
            bounds: where.
            number: how many at most; so many are in memory for each way that is taken.
        """
        if number == 0:
            return []
        found: list[Recorded] = []
        for way in await self.ways(wanted, bounds):
            found += await lanes.last(self.connection, way, wanted, number)
        return sorted(found, key=lambda event: event.position)[-number:]

    async def counts(self, wanted: Wanted, bounds: Stretch, by: Grouping | None) -> Counter[str]:
        """How many wanted events there are within some bounds, of each kind; all under "" when not grouped."""
        found: Counter[str] = Counter()
        for way in await self.ways(wanted, bounds):
            async for what, number in lanes.counts(self.connection, way, wanted, by):
                found[what] += number
        return found

    async def at(self, lane: Lane, number: int) -> Recorded | None:
        """The event at a place, if there is one."""
        found = [event async for event in lanes.events(self.connection, Stretch(lane, number - 1, number), Wanted())]
        return found[0] if found else None

    async def by_id(self, event_id: UUID) -> Recorded | None:
        """The event with this id, if there is one."""
        row = await self.connection.fetchrow(_BY_ID, event_id, timeout=READ_TIMEOUT_SECONDS)
        return None if row is None else Recorded(*row)

    async def ways(self, wanted: Wanted, bounds: Stretch) -> list[Stretch]:
        """The stretches that have all wanted events within some bounds, as short as the indexes allow."""
        if wanted.streams:
            return await self._stretches([Lane("stream", stream) for stream in wanted.streams], bounds)
        if wanted.topics:
            partitions = await self.connection.fetchval(_PARTITIONS, timeout=READ_TIMEOUT_SECONDS)
            places = [Lane("partition", topic, number) for topic in wanted.topics for number in range(partitions)]
            ways = await self._stretches(places, bounds)
            if sum(map(len, ways)) <= PARTITIONS_PAY_BELOW * len(bounds):
                return ways
        return [bounds]

    async def _stretches(self, places: Iterable[Lane], bounds: Stretch) -> list[Stretch]:
        found = []
        for place in places:
            after = await lanes.reach(self.connection, place, upto=bounds.after) if bounds.after else 0
            upto = await lanes.reach(self.connection, place, upto=bounds.upto)
            if upto > after:
                found.append(Stretch(place, after, upto))
        return found


@asynccontextmanager
async def searching(url: str) -> AsyncIterator[Search]:
    """A search on a connection of its own, which may read the log and nothing else.

    Raises:
        CannotStart: the database is out of reach or not migrated.
    """
    connection = await connect(url, application="mimo-events", role=Role.QUERY)
    try:
        yield Search(connection)
    except (asyncpg.UndefinedTableError, asyncpg.InvalidSchemaNameError):
        raise CannotStart("The database is not migrated yet: run `mimo migrate` or `mimo up`.") from None
    finally:
        connection.terminate()  # nothing is open; whoever stops us need not wait for the server


async def _merged(sources: Sequence[AsyncIterator[Recorded]]) -> AsyncIterator[Recorded]:
    """Several ordered sources as one, by position."""
    waiting = []
    for number, source in enumerate(sources):
        if (event := await anext(source, None)) is not None:
            waiting.append((event.position, number, event))
    heapq.heapify(waiting)
    while waiting:
        _, number, event = waiting[0]
        yield event
        following = await anext(sources[number], None)
        if following is None:
            heapq.heappop(waiting)
        else:
            heapq.heapreplace(waiting, (following.position, number, following))
