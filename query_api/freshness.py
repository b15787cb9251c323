"""Freshness: one tracker per process knows how far the views have come, keeps the cache true and lets bookmarks wait.

It reads `read.checkpoint` whenever a projection notifies `mimo_view`, and a few times a second anyway. What changed
between two looks it asks from the log's index; only when those rows are out of the cache are the new checkpoints
published and the waiting let go, so nobody who waited can meet an older row. A lost channel, or a second without a
heartbeat, empties the cache and puts it out of use.

It must not know what the views hold nor what HTTP looks like.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from time import monotonic
from typing import Any

import asyncpg

from events.bookmark import Place
from events.errors import NotCaughtUp
from infra.kept_connection import Connect, keep_connection
from query_api.cache import Mark, ReadCache, Tag
from query_api.checkpoints import PROJECTIONS, History, Range, Seen, changed_in, history_of, see

CHANNEL = "mimo_view"
REWRITTEN = "!"
"""Ends the notification of whoever changes rows without moving a checkpoint, such as a retry of parked events."""
POLL_SECONDS = 0.25
SILENCE_SECONDS = 1.0
"""After so long without a heartbeat the cache is out of use."""
ROUND_TIMEOUT_SECONDS = 1.0
MAX_CHANGED_EVENTS = 5_000
"""Further behind than this, everything is forgotten instead of asking for each key."""


class Freshness:
    """The tracker. `run` it in one task; everything else only looks at what it found.

    Args:
        cache: the cache to keep true.
        connect: opens a connection of its own, with the role of this API.
        clock: seconds that never go back.
    """

    def __init__(self, cache: ReadCache, connect: Connect, clock: Callable[[], float] = monotonic) -> None:
        self.cache = cache
        self.history: History | None = None
        self.connect = connect
        self._heartbeat_at = float("-inf")
        self._seen = Seen({}, {}, frozenset(), frozenset())
        self._waiting: dict[Mark, list[tuple[int, asyncio.Future[None]]]] = {}
        self._clock = clock
        self._looked = asyncio.Event()
        self._observers: list[Callable[[], None]] = []

    # -- what others may ask ---------------------------------------------------------------------------------------

    def current(self) -> bool:
        """Whether the cache may be used: the last heartbeat is less than a second old."""
        return self._clock() - self._heartbeat_at < SILENCE_SECONDS

    @property
    def generations(self) -> Mapping[str, int]:
        """The live generation of each projection, as of the last look."""
        return self._seen.generations

    @property
    def partitions(self) -> int:
        """Into how many each topic is divided; 0 as long as nobody knows."""
        return self.history.partitions if self.history else 0

    def missing(self) -> list[str]:
        """The projections that no live generation shows yet."""
        return [name for name in PROJECTIONS if name not in self.generations]

    def holds_parked(self, mark: Mark) -> bool:
        """Whether a projection has set aside events of this partition."""
        return mark in self._seen.parked

    def wanted(self, bookmark: Mapping[Place, int], projections: Collection[str]) -> dict[Mark, int]:
        """What a bookmark asks of some projections; partitions that they do not consume ask nothing."""
        partitions = self.partitions
        return {
            (projection, topic, partition): offset
            for (topic, partition), offset in bookmark.items()
            for projection in projections
            if topic in PROJECTIONS[projection].topics and partition < partitions
        }

    def observe(self, observer: Callable[[], None]) -> None:
        """Has something called after each look."""
        self._observers.append(observer)

    async def first_look(self, seconds: float) -> bool:
        """Waits for the first look since the start; false when there was none in time."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._looked.wait(), seconds)
        return self._looked.is_set()

    def behind(self, wanted: Mapping[Mark, int]) -> dict[Mark, int]:
        """What of the wanted is not published yet."""
        published = self.cache.published
        return {mark: offset for mark, offset in wanted.items() if published.get(mark, -1) < offset}

    async def reach(self, wanted: Mapping[Mark, int], seconds: float) -> None:
        """Waits until the published checkpoints have reached what is wanted.

        Args:
            wanted: an offset per mark.
            seconds: how long to wait at most.

        Raises:
            NotCaughtUp: they did not in time; the text tells the lag.
        """
        if not (behind := self.behind(wanted)):
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                for mark, offset in behind.items():
                    while self.cache.published.get(mark, -1) < offset:
                        reached = asyncio.get_running_loop().create_future()
                        self._waiting.setdefault(mark, []).append((offset, reached))
                        await reached
        if behind := self.behind(wanted):
            raise NotCaughtUp(self._lag(behind))

    # -- the task --------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Follows the views for ever, also over lost connections."""
        connect = lambda: self.connect()  # noqa: E731, PLW0108 - asked each time which one it is now
        await keep_connection(connect, self._follow, "freshness", self.lose)

    async def _follow(self, connection: asyncpg.Connection) -> None:
        wake = asyncio.Event()

        def ended(_: Any) -> None:
            self.lose()
            wake.set()

        def notified(_connection: Any, _pid: int, _channel: str, payload: str) -> None:
            if payload.endswith(REWRITTEN):
                self.cache.forget()
            wake.set()

        connection.add_termination_listener(ended)
        async with asyncio.timeout(ROUND_TIMEOUT_SECONDS):
            await connection.add_listener(CHANNEL, notified)
            self.history = await history_of(connection)
        while True:
            wake.clear()
            async with asyncio.timeout(ROUND_TIMEOUT_SECONDS):
                await self.look(connection)
            with suppress(TimeoutError):
                async with asyncio.timeout(POLL_SECONDS):
                    await wake.wait()

    async def look(self, connection: asyncpg.Connection) -> None:
        """One look at the checkpoints: drops from the cache what changed, then publishes them."""
        began_at = self._clock()
        seen = await see(connection)
        changed: set[Tag] = set()
        if self._follows_on(seen):
            ranges = self._ranges(seen.offsets)
            if sum(upto - after for _, _, after, upto in ranges) > MAX_CHANGED_EVENTS:
                self.cache.forget()
            elif ranges:
                changed = await changed_in(connection, ranges)
        if not self.current() or not self._follows_on(seen):
            self.cache.forget()
        self._seen, self._heartbeat_at = seen, began_at
        self.cache.publish(seen.offsets, changed)
        self._release()
        self._looked.set()
        for observer in self._observers:
            observer()

    def _follows_on(self, seen: Seen) -> bool:
        """Whether these checkpoints continue the published ones: the same generations, none fallen back."""
        published, found = self.cache.published, seen.offsets
        return seen.generations == self._seen.generations and all(
            found.get(mark, -1) >= offset for mark, offset in published.items()
        )

    def _ranges(self, found: Mapping[Mark, int]) -> set[Range]:
        """What to ask the log for. All or nothing: rows of any topic may come in while it is being asked."""
        published, watches = self.cache.published, self.cache.watches
        moved = [(mark, published[mark], upto) for mark, upto in found.items() if upto > published.get(mark, upto)]
        if not any(watches(mark[1]) for mark, _, _ in moved):
            return set()
        return {(mark[1], mark[2], after, upto) for mark, after, upto in moved}

    def lose(self) -> None:
        """Empties the cache and puts it out of use until the next look."""
        self._heartbeat_at = float("-inf")
        self.cache.forget()

    def _release(self) -> None:
        published = self.cache.published
        for mark in list(self._waiting):
            reached, still = published.get(mark, -1), []
            for offset, waiting in self._waiting.pop(mark):
                if waiting.done():
                    continue
                if offset <= reached:
                    waiting.set_result(None)
                else:
                    still.append((offset, waiting))
            if still:
                self._waiting[mark] = still

    def _lag(self, behind: Mapping[Mark, int]) -> str:
        if not self.current():
            return "How far the views have come cannot be told now: the database does not answer."
        told = []
        for mark, offset in behind.items():
            projection, _, partition = mark
            known = self.cache.published.get(mark)
            lag = (
                "is not built yet" if known is None else f"is {_events(offset - known)} behind in partition {partition}"
            )
            still = (
                ", and stands still before an event that it cannot apply" if projection in self._seen.stopped else ""
            )
            told.append(f"{projection} {lag}{still}")
        return f"The view has not caught up with the bookmark: {'; '.join(told)}."


def _events(number: int) -> str:
    return "1 event" if number == 1 else f"{number} events"
