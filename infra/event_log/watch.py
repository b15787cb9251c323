"""Watching the log as `tail -f` watches a file: the last events, then each new one, also when the database was away.

NOTIFY wakes it; it asks by itself now and then, so nothing is lost when a notification is. It must not know how events
are shown.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable
from uuid import UUID

from events.errors import HistoryChanged
from events.recorded import Recorded
from infra.event_log import lanes
from infra.event_log.follower import POLL_SECONDS
from infra.event_log.lanes import LOG, Stretch
from infra.event_log.pulse import CHANNEL
from infra.event_log.search import Search, searching
from infra.event_log.wanted import Wanted
from infra.postgres import AWAY

FIRST_PAUSE_SECONDS = 0.05
LONGEST_PAUSE_SECONDS = 2.0

FindDatabase = Callable[[], str]
"""Gives the address now: an embedded server has another port after each start."""


class Watch:
    """One watching of the log.

    Args:
        find_database: where it is.
        wanted: which events.
        say: is told in a sentence when the database is lost, and when it is found again.
        patient: whether to wait for a database that is away at the beginning, instead of failing.
    """

    def __init__(
        self, find_database: FindDatabase, wanted: Wanted, say: Callable[[str], None], *, patient: bool = False
    ) -> None:
        self._find_database = find_database
        self._wanted = wanted
        self._say = say
        self._patient = patient
        self._lost = False
        self._history: UUID | None = None
        self._reached: int | None = None  # everything up to this position was looked at

    async def events(self, number: int) -> AsyncGenerator[Recorded, None]:
        """The last wanted events, then new ones for ever.

        Args:
            number: how many old ones at most.

        Raises:
            CannotStart: the database is away at the beginning, unless patient.
            HistoryChanged: it came back with another history.
        """
        pause_seconds = FIRST_PAUSE_SECONDS
        while True:
            try:
                async with searching(self._find_database()) as search:
                    await self._found(search)
                    pause_seconds = FIRST_PAUSE_SECONDS
                    async with contextlib.aclosing(self._from(search, number)) as events:
                        async for event in events:
                            yield event
            except AWAY as error:
                if self._history is None and not self._patient:
                    raise
                if not self._lost:
                    self._say(f"The database is away ({str(error) or type(error).__name__}); waiting for it.")
                self._lost = True
            await asyncio.sleep(pause_seconds)
            pause_seconds = min(2 * pause_seconds, LONGEST_PAUSE_SECONDS)

    async def _found(self, search: Search) -> None:
        history = await search.history()
        if self._history not in (None, history):
            raise HistoryChanged("The log is another history now (was it restored?): start again.")
        self._history = history
        if self._lost:
            self._say("The database is back.")
        self._lost = False

    async def _from(self, search: Search, number: int) -> AsyncGenerator[Recorded, None]:
        news = asyncio.Event()
        search.connection.add_termination_listener(lambda _: news.set())
        await search.connection.add_listener(CHANNEL, lambda *_: news.set())
        if self._reached is None:
            bounds = await search.bounds(self._wanted)
            found = await search.last(self._wanted, bounds, number)
            self._reached = bounds.upto
            for event in found:
                yield event
        while True:
            news.clear()
            if (head := await search.head()) <= self._reached:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(POLL_SECONDS):
                        await news.wait()
                continue
            # By position, not by stream or partition: the news are few, and they are of all of them.
            news_upto = Stretch(LOG, self._reached, head)
            async with contextlib.aclosing(lanes.events(search.connection, news_upto, self._wanted)) as events:
                async for event in events:
                    self._reached = event.position
                    if self._wanted.since is None or event.at >= self._wanted.since:
                        yield event
            self._reached = head
