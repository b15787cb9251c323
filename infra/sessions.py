"""Which sessions ended: both APIs learn it straight from the log, within a second.

A tail follows the events that end sessions. Whoever has none of them within an access token's lifetime is not asked
about; of the others, each session is asked for once (the claim decides) until their next ending event. When the tail
is silent for a second every session is asked for, and when that fails too nobody is let in (503).
It must not know tokens, HTTP or Kafka.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime, timedelta
from time import monotonic
from uuid import UUID

import asyncpg
import structlog

from events.errors import CannotStart, Overloaded, Unauthenticated

CHANNEL = "mimo_log"
POLL_SECONDS = 0.25
MIN_POLL_SECONDS = 0.05
SILENCE_SECONDS = 1.0
ASK_TIMEOUT_SECONDS = 1.0
RECONNECT_SECONDS = 0.25
MARGIN_SECONDS = 60.0
_NOW = "select clock_timestamp()"
_ENDS = "select position, user_id, at from log.session_ends($1, $2)"
_ACTIVE = "select log.session_active($1, $2)"

Connect = Callable[[], Awaitable[asyncpg.Connection]]

_log = structlog.get_logger("mimo.sessions")


class _Ended:
    """One person's latest session-ending event, and the sessions known to go on after it."""

    __slots__ = ("at", "confirmed", "position")

    def __init__(self, position: int, at: float) -> None:
        self.position, self.at = position, at
        self.confirmed: set[UUID] = set()


class SessionWatch:
    """Knows which sessions ended; `start` it, and `stop` it at the end.

    Args:
        pool: connections whose role may ask whether a session goes on.
        connect: opens the tail's own connection, in a role that may ask the log for session ends.
        token_lifetime_seconds: the longest that an access token is valid, also one issued under other settings.
    """

    def __init__(self, pool: asyncpg.Pool, connect: Connect, token_lifetime_seconds: float) -> None:
        self._pool = pool
        self._connect = connect
        self._window_seconds = token_lifetime_seconds + MARGIN_SECONDS
        self._ended: dict[UUID, _Ended] = {}
        self._heard_at = float("-inf")
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begins to follow the log."""
        self._task = asyncio.create_task(self._follow_for_ever(), name="session-watch")

    async def stop(self) -> None:
        """Stops following."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def ready(self) -> str | None:
        """None when the tail is heard, else what is the matter (for readiness)."""
        if monotonic() - self._heard_at > SILENCE_SECONDS:
            return "the log has not told about ended sessions for more than a second"
        return None

    async def ensure_active(self, user_id: UUID, session_id: UUID) -> None:
        """Returns when the session goes on.

        Raises:
            Unauthenticated: it ended.
            Overloaded: nobody can tell now.
        """
        if monotonic() - self._heard_at > SILENCE_SECONDS:
            await self._ask(user_id, session_id)
            return
        ended = self._ended.get(user_id)
        if ended is None or session_id in ended.confirmed:
            return
        await self._ask(user_id, session_id)
        ended.confirmed.add(session_id)  # of a newer ending event nothing was confirmed yet: that is another object

    def ended(self, user_id: UUID) -> None:
        """Tells at once what this process itself just appended, before the tail brings it."""
        known = self._ended.pop(user_id, None)
        self._ended[user_id] = _Ended(known.position if known else 0, monotonic())

    async def _ask(self, user_id: UUID, session_id: UUID) -> None:
        try:
            async with asyncio.timeout(ASK_TIMEOUT_SECONDS):
                active = await self._pool.fetchval(_ACTIVE, user_id, session_id)
        except (
            OSError,
            TimeoutError,
            asyncpg.PostgresError,
            asyncpg.InterfaceError,
            asyncpg.InternalClientError,
        ) as error:
            raise Overloaded("Whether your session goes on cannot be told now.") from error
        if not active:
            raise Unauthenticated("This session has ended; sign in again.")

    async def _follow_for_ever(self) -> None:
        while True:
            try:
                connection = await self._connect()
                try:
                    await self._follow(connection)
                finally:
                    connection.terminate()
            except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, CannotStart) as error:
                _log.warning("session_tail_lost", reason=str(error))
            except Exception as error:
                _log.error("session_tail_failed", exc_info=error)
            await asyncio.sleep(RECONNECT_SECONDS)

    async def _follow(self, connection: asyncpg.Connection) -> None:
        """Follows on one connection; everything within the window is read anew first."""
        await connection.add_listener(CHANNEL, self._on_notify)
        now: datetime = await connection.fetchval(_NOW, timeout=SILENCE_SECONDS)
        after_at, after_position = now - timedelta(seconds=self._window_seconds), 0
        while True:
            self._wake.clear()
            asked_at = monotonic()
            rows = await connection.fetch(_ENDS, after_at, after_position, timeout=SILENCE_SECONDS)
            for position, user_id, at in rows:
                self._note(position, user_id, asked_at)
                after_at, after_position = at - timedelta(milliseconds=1), position
            self._heard_at = asked_at
            self._forget_old(asked_at)
            await asyncio.sleep(MIN_POLL_SECONDS)
            with suppress(TimeoutError):
                async with asyncio.timeout(POLL_SECONDS - MIN_POLL_SECONDS):  # wait_for can swallow a cancellation
                    await self._wake.wait()

    def _on_notify(self, *_: object) -> None:
        self._wake.set()

    def _note(self, position: int, user_id: UUID, heard_at: float) -> None:
        known = self._ended.pop(user_id, None)
        same = known is not None and known.position >= position
        self._ended[user_id] = known if known is not None and same else _Ended(position, heard_at)

    def _forget_old(self, now: float) -> None:
        """Tokens of before have expired by then. The oldest come first."""
        while self._ended:
            user_id, ended = next(iter(self._ended.items()))
            if now - ended.at < self._window_seconds:
                break
            del self._ended[user_id]
