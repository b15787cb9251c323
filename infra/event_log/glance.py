"""A look through the log for somebody who waits for the answer: it ends soon, whatever is looked for.

What is nowhere would have to be looked for in every event there is. So a glance looks at some of them, the newest or
the oldest first, and tells beside what it found how far it came; the next one goes on from there. It must not know who
asks.
"""

from __future__ import annotations

import time
from contextlib import aclosing
from typing import NamedTuple

from events.errors import BrokenLog
from events.recorded import Recorded
from infra.event_log import lanes
from infra.event_log.lanes import LOG, WINDOW, Stretch
from infra.event_log.search import Search
from infra.event_log.wanted import Wanted

LOOKED_AT_AT_MOST = 300_000
"""Events; a third of a second where the log is in memory."""
LAST_BEGINNING_SECONDS = 1.5
"""After so long no further part of the log is begun with."""
QUICK_SECONDS = 0.2
"""A larger part follows only one that took less: no part takes much longer than all before it, on whatever disk."""
SHORT = 1_000
"""So few events are looked at sooner than the shortest way to some of them is found."""


class Glance(NamedTuple):
    """What was found.

    Args:
        events: in the order of looking.
        reached: the newest first: all events after this position were looked at; the oldest first: all up to it.
    """

    events: list[Recorded]
    reached: int


async def glance(search: Search, wanted: Wanted, bounds: Stretch, limit: int, *, newest_first: bool) -> Glance:
    """Looks for events within some bounds.

    Args:
        search: asks the log.
        wanted: which events.
        bounds: where.
        limit: how many at most.
        newest_first: whether to begin with the end of the bounds.
    """
    looking = _Looking(search, wanted, bounds, limit, newest_first)
    begun, width, left = time.monotonic(), limit + 1, LOOKED_AT_AT_MOST
    rest = await looking.ways()
    while True:
        before = time.monotonic()
        left -= sum(min(width, len(way)) for way in rest)
        rest = await looking.further(rest, width)
        found = await looking.told(rest)
        now = time.monotonic()
        if len(found.events) == limit or left < len(rest) or not rest or now - begun > LAST_BEGINNING_SECONDS:
            return found
        width = min(4 * width if now - before < QUICK_SECONDS else width, WINDOW, left // len(rest))


class _Looking:
    """One glance. Along each way that has wanted events it takes one part after the other, all ways in step."""

    def __init__(self, search: Search, wanted: Wanted, bounds: Stretch, limit: int, newest_first: bool) -> None:
        self._search, self._wanted, self._bounds = search, wanted, bounds
        self._limit, self._backwards = limit, newest_first
        self._found: list[Recorded] = []

    async def ways(self) -> list[Stretch]:
        """The stretches that have all wanted events."""
        if len(self._bounds) <= SHORT:
            return [self._bounds] if len(self._bounds) else []
        return await self._search.ways(self._wanted, self._bounds)

    async def further(self, ways: list[Stretch], width: int) -> list[Stretch]:
        """Looks at the next part of each way; what is left of those that are not at their end."""
        rest = []
        for way in ways:
            cut = max(way.after, way.upto - width) if self._backwards else min(way.upto, way.after + width)
            earlier, later = way.part(way.after, cut), way.part(cut, way.upto)
            part, left = (later, earlier) if self._backwards else (earlier, later)
            self._found += await self._in(part)
            if len(left):
                rest.append(left)
        self._found.sort(key=lambda event: event.position, reverse=self._backwards)
        del self._found[self._limit + 1 :]
        return rest

    async def told(self, rest: list[Stretch]) -> Glance:
        """What is found for certain, when of each way this much is left: what lies before anything not looked at."""
        if self._backwards:
            reached = max([await self._next(way) for way in rest], default=self._bounds.after)
            sure = [event for event in self._found if event.position > reached]
        else:
            reached = min([await self._next(way) - 1 for way in rest], default=self._bounds.upto)
            sure = [event for event in self._found if event.position <= reached]
        if len(sure) > self._limit:
            last = sure[self._limit - 1].position
            return Glance(sure[: self._limit], last - 1 if self._backwards else last)
        return Glance(sure, reached)

    async def _in(self, part: Stretch) -> list[Recorded]:
        if self._backwards:
            return await lanes.last(self._search.connection, part, self._wanted, self._limit + 1)
        found: list[Recorded] = []
        async with aclosing(lanes.events(self._search.connection, part, self._wanted)) as events:
            async for event in events:
                found.append(event)
                if len(found) > self._limit:
                    break
        return found

    async def _next(self, way: Stretch) -> int:
        """The position of the event that would be looked at next."""
        number = way.upto if self._backwards else way.after + 1
        if way.lane == LOG:
            return number
        event = await self._search.at(way.lane, number)
        if event is None:
            raise BrokenLog(f"A number is missing in the {way.lane.kind} {way.lane.name}: run `mimo doctor`.")
        return event.position
