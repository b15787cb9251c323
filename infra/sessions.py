"""Which sessions ended: both APIs learn it straight from the log, within a second.

A tail follows the events that end sessions. Whoever has none of them within an access token's lifetime is not asked
about; of the others, each session is asked for once (the claim decides) until their next ending event. When the tail
is silent for a second every session is asked for, and when that fails too nobody is let in (503).
It must not know tokens, HTTP or Kafka.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from time import monotonic
from uuid import UUID

import asyncpg

from events.errors import Overloaded, Unauthenticated
from infra.kept_connection import Connect
from infra.session_ends import Follower, SessionEnds

SILENCE_SECONDS = 1.0
ASK_TIMEOUT_SECONDS = 1.0
MARGIN_SECONDS = 60.0
_ACTIVE = "select log.session_active($1, $2)"


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
        followers: who is to be told of the same events.
    """

    def __init__(
        self, pool: asyncpg.Pool, connect: Connect, token_lifetime_seconds: float, *followers: Follower
    ) -> None:
        self._pool = pool
        self._window_seconds = token_lifetime_seconds + MARGIN_SECONDS
        self._tail = SessionEnds(connect, self._window_seconds, self, *followers)
        self._ended: dict[UUID, _Ended] = {}
        self._heard_at = float("-inf")
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begins to follow the log."""
        self._task = asyncio.create_task(self._tail.run(), name="session-watch")

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

    def begun(self) -> None:
        """See `infra.session_ends.Follower`; what is known stays known."""

    def told(self, position: int, user_id: UUID, *, erased: bool) -> None:  # noqa: ARG002 - it ends sessions, too
        """See `infra.session_ends.Follower`."""
        known = self._ended.pop(user_id, None)
        same = known is not None and known.position >= position
        self._ended[user_id] = known if known is not None and same else _Ended(position, monotonic())

    def heard(self, asked_at: float) -> None:
        """See `infra.session_ends.Follower`."""
        self._heard_at = asked_at
        self._forget_old(asked_at)

    def _forget_old(self, now: float) -> None:
        """Tokens of before have expired by then. The oldest come first."""
        while self._ended:
            user_id, ended = next(iter(self._ended.items()))
            if now - ended.at < self._window_seconds:
                break
            del self._ended[user_id]
