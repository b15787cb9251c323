"""The tail of the few events that end sessions, erasure included: straight from the log, in both modes.

Whoever keeps sessions or people's keys in memory follows it. It must not know what is done with what it tells.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import datetime, timedelta
from time import monotonic
from typing import Protocol
from uuid import UUID

import asyncpg

from infra.kept_connection import Connect, keep_connection
from infra.sealing import KeyRing

CHANNEL = "mimo_log"
POLL_SECONDS = 0.25
BREATH_SECONDS = 0.05
ANSWER_SECONDS = 1.0
_NOW = "select clock_timestamp()"
_ENDS = "select position, user_id, at, erased from log.session_ends($1, $2)"


class Follower(Protocol):
    """Who is told."""

    def begun(self) -> None:
        """A connection is there, the first or another one; what happened within the window is told (again) now."""

    def told(self, position: int, user_id: UUID, *, erased: bool) -> None:
        """Sessions of a person ended; `erased`: the person, too."""

    def heard(self, asked_at: float) -> None:
        """Everything was told that was in the log at that time (of time.monotonic)."""


class ErasedKeys:
    """Drops the keys of the erased from a ring; all of them when a connection was lost, for nobody told meanwhile.

    Args:
        ring: keys that are looked up in this log.
    """

    def __init__(self, ring: KeyRing) -> None:
        self._ring = ring

    def begun(self) -> None:
        """See `Follower`."""
        self._ring.forget_everybody()

    def told(self, position: int, user_id: UUID, *, erased: bool) -> None:  # noqa: ARG002
        """See `Follower`."""
        if erased:
            self._ring.forget(user_id)

    def heard(self, asked_at: float) -> None:
        """See `Follower`."""


class SessionEnds:
    """Follows the events for ever, also over lost connections.

    Args:
        connect: opens the tail's own connection, in a role that may ask the log for session ends.
        window_seconds: how far back each connection begins.
        followers: who is told.
        breath_seconds: the least time from one look to the next, however much happens.
    """

    def __init__(
        self, connect: Connect, window_seconds: float, *followers: Follower, breath_seconds: float = BREATH_SECONDS
    ) -> None:
        self._connect = connect
        self._window_seconds = window_seconds
        self._followers = followers
        self._breath_seconds = breath_seconds
        self._wake = asyncio.Event()

    async def run(self) -> None:
        """Runs until it is cancelled."""
        await keep_connection(self._connect, self._follow, "session_ends")

    async def _follow(self, connection: asyncpg.Connection) -> None:
        """Follows on one connection; everything within the window is read anew first."""
        await connection.add_listener(CHANNEL, self._on_notify)
        now: datetime = await connection.fetchval(_NOW, timeout=ANSWER_SECONDS)
        for follower in self._followers:
            follower.begun()
        after_at, after_position = now - timedelta(seconds=self._window_seconds), 0
        while True:
            self._wake.clear()
            asked_at = monotonic()
            rows = await connection.fetch(_ENDS, after_at, after_position, timeout=ANSWER_SECONDS)
            for follower in self._followers:
                for position, user_id, _, erased in rows:
                    follower.told(position, user_id, erased=erased)
                follower.heard(asked_at)
            if rows:
                after_at, after_position = rows[-1]["at"] - timedelta(milliseconds=1), rows[-1]["position"]
            await asyncio.sleep(self._breath_seconds)
            with suppress(TimeoutError):
                async with asyncio.timeout(POLL_SECONDS - self._breath_seconds):  # wait_for can swallow a cancellation
                    await self._wake.wait()

    def _on_notify(self, *_: object) -> None:
        self._wake.set()
