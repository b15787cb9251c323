"""Who is in one room, told to those who asked for it: once whole, then who came and who went, at most once a second.

Of very many only the number is told, so that a full room costs little. It must not know how it is known who is there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from uuid import UUID

from query_api.live import frames, measured
from query_api.live.frames import Frame
from query_api.live.listener import Listener

MAX_NAMED = 200
"""So many people are named; of more only the number is told."""
PAUSE_SECONDS = 1.0


class Crowd:
    """Those who are in a channel.

    Args:
        channel_id: which.
        people: tells who is there now.
    """

    def __init__(self, channel_id: UUID, people: Callable[[], frozenset[UUID]]) -> None:
        self._channel_id = channel_id
        self._people = people
        self._watchers: dict[Listener, None] = {}
        self._behind: set[Listener] = set()
        self._told: frozenset[UUID] = frozenset()
        self._timer: asyncio.TimerHandle | None = None
        self._quiet_until = 0.0

    def watch(self, listener: Listener) -> None:
        """Tells it who is here, and from now on who comes and goes."""
        if not self._watchers:
            self._told = self._people()
        self._watchers[listener] = None
        if not self._offer(listener, self._whole()):
            self._plan()

    def ignore(self, listener: Listener) -> None:
        """Tells it nothing more."""
        self._watchers.pop(listener, None)
        self._behind.discard(listener)
        if not self._watchers and self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def moved(self) -> None:
        """Somebody came or went: it is told at once, or when the pause since the last time is over."""
        if not self._watchers or self._timer is not None:
            return
        if asyncio.get_running_loop().time() >= self._quiet_until:
            self._tell()
        else:
            self._plan()

    def _plan(self) -> None:
        if self._timer is None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_at(max(self._quiet_until, loop.time() + PAUSE_SECONDS / 10), self._tell)

    def _tell(self) -> None:
        self._timer = None
        before, self._told = self._told, self._people()
        if self._told == before and not self._behind:
            return
        self._quiet_until = asyncio.get_running_loop().time() + PAUSE_SECONDS
        change = self._change(before)
        whole = self._whole() if self._behind else change
        for watcher in self._watchers:
            if (frame := whole if watcher in self._behind else change) is not None:
                self._offer(watcher, frame)
        if self._behind:
            self._plan()

    def _change(self, before: frozenset[UUID]) -> Frame | None:
        if self._told == before:
            return None
        if len(self._told) > MAX_NAMED or len(before) > MAX_NAMED:
            return self._whole()
        return frames.moved(self._channel_id, self._told - before, before - self._told, len(self._told))

    def _whole(self) -> Frame:
        if len(self._told) > MAX_NAMED:
            return frames.crowd(self._channel_id, len(self._told))
        return frames.here(self._channel_id, self._told)

    def _offer(self, listener: Listener, frame: Frame) -> bool:
        """Who cannot take it now is told everything later."""
        if taken := listener.offer(frame):
            self._behind.discard(listener)
            measured.PRESENCE.inc()
        else:
            self._behind.add(listener)
        return taken
