"""Tells the other processes who is in channels through this one, and who is typing; hears the same of them.

Only what changed is told, at most once a second, typing at most four times a second, and everything now and then, so
that a lost word is not lost for long. Nothing of it is stored. It must not know rooms, nor what clients are told.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection
from contextlib import suppress
from time import monotonic
from typing import Any
from uuid import UUID, uuid4

import structlog

from events.errors import Overloaded
from query_api.live import notices
from query_api.live.elsewhere import Elsewhere
from query_api.live.notices import Kind, NotUnderstood, People

TYPING_SECONDS = 0.25
"""Between two tellings of who is typing."""
MOVES_SECONDS = 1.0
"""Between two tellings of who came and went."""
WHOLE_SECONDS = 15.0
"""Between two tellings of everybody."""
LOOK_SECONDS = 5.0
"""Between two looks at who has fallen silent, at most."""
END_SECONDS = 1.0
NOBODY: frozenset[UUID] = frozenset()
_NOTIFY = "select pg_notify($1, payload) from unnest($2::text[]) payload"

Ask = Callable[..., Awaitable[Any]]
"""Asks the database: a statement and its values."""

_log = structlog.get_logger("mimo.live")


class Exchange:
    """What goes to and fro between the processes. `run` it in one task.

    Args:
        ask: asks the database.
        channels: tells in which channels somebody is through this process.
        people: tells who is in one of them.
        moved: is told in which channels somebody came or went in other processes.
        typing: is told who is typing in which channel, in other processes.

    Attributes:
        elsewhere: who is in which channel in other processes.
    """

    channel = notices.CHANNEL

    def __init__(
        self,
        ask: Ask,
        channels: Callable[[], Collection[UUID]],
        people: Callable[[UUID], frozenset[UUID]],
        moved: Callable[[Collection[UUID]], None],
        typing: Callable[[UUID, UUID], None],
    ) -> None:
        self._id = uuid4()
        self._ask, self._channels, self._people = ask, channels, people
        self.elsewhere, self._typing = Elsewhere(moved), typing
        self._told: dict[UUID, frozenset[UUID]] = {}
        self._typists: dict[UUID, set[UUID]] = {}
        self._moved: set[UUID] = set()
        self._must_ask = False
        self._news = asyncio.Event()
        self._next_moves = 0.0
        self._next_whole = monotonic() + WHOLE_SECONDS

    # -- what happens here -----------------------------------------------------------------------------------------

    def moved(self, channel_id: UUID) -> None:
        """Somebody came or went here."""
        self._moved.add(channel_id)
        self._news.set()

    def typed(self, channel_id: UUID, user_id: UUID) -> None:
        """Somebody is typing here."""
        self._typists.setdefault(channel_id, set()).add(user_id)
        self._news.set()

    # -- what the others tell --------------------------------------------------------------------------------------

    def begun(self) -> None:
        """From now on the others are heard; what they told before is asked for."""
        self._must_ask = True
        self._news.set()

    def notified(self, payload: str) -> None:
        """Takes a notification."""
        try:
            notice = notices.read(payload)
        except NotUnderstood as error:
            _log.warning("notice_not_understood", reason=str(error))
            return
        if notice.process == self._id:
            return
        if notice.kind == "ask":
            self._next_whole = 0.0
            self._news.set()
        elif notice.kind == "typing":
            for channel_id, those in notice.people.items():
                for user_id in those:
                    self._typing(channel_id, user_id)
        else:
            self.elsewhere.hear(notice)

    # -- the task --------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Tells until it is cancelled, and then that nobody is here any more."""
        try:
            while True:
                await self._wait()
                self.elsewhere.forget_the_silent()
                try:
                    await self._tell()
                except Overloaded:
                    self._next_whole = 0.0  # what was to be told now is told with everything, once the database is back
                except Exception as error:
                    _log.error("exchange_failed", exc_info=error)
                await asyncio.sleep(TYPING_SECONDS)
        finally:
            with suppress(Overloaded, TimeoutError):
                async with asyncio.timeout(END_SECONDS):
                    await self._notify("gone", {})

    async def _wait(self) -> None:
        until = min(self._next_whole, self._next_moves if self._moved else float("inf"))
        with suppress(TimeoutError):
            async with asyncio.timeout(min(until - monotonic(), LOOK_SECONDS)):
                await self._news.wait()

    async def _tell(self) -> None:
        now = monotonic()
        self._news.clear()
        if self._must_ask:
            await self._notify("ask", {})
            self._must_ask = False
        if typists := self._typists:
            self._typists = {}
            await self._notify("typing", typists)
        if now < self._next_moves:
            return
        if now >= self._next_whole:
            await self._tell_whole()
        elif self._moved:
            await self._tell_moves()
        else:
            return
        self._next_moves = now + MOVES_SECONDS

    async def _tell_whole(self) -> None:
        self._moved.clear()
        here = {one: people for one in self._channels() if (people := self._people(one))}
        if here or self._told:
            await self._notify("whole", here)
        self._told = here
        self._next_whole = monotonic() + WHOLE_SECONDS

    async def _tell_moves(self) -> None:
        moved, self._moved = self._moved, set()
        here, told = {one: self._people(one) for one in moved}, {one: self._told.get(one, NOBODY) for one in moved}
        moves: dict[Kind, People] = {
            "came": {one: here[one] - told[one] for one in moved},
            "went": {one: told[one] - here[one] for one in moved},
        }
        for kind, people in moves.items():
            if any(people.values()):
                await self._notify(kind, people)
        self._told = {one: people for one, people in (self._told | here).items() if people}

    async def _notify(self, kind: Kind, people: People) -> None:
        await self._ask(_NOTIFY, self.channel, notices.payloads(self._id, kind, people))
