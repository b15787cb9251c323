"""Somebody who listens, over a WebSocket or an event stream: for as long as their token and their session last.

It must not know how frames are sent, nor rooms.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from time import time
from typing import TYPE_CHECKING
from uuid import UUID

from events.errors import MimoError, Unauthenticated
from infra.web.sockets import SLOW
from query_api.live.frames import Frame

if TYPE_CHECKING:
    from infra.web.auth import Authenticator, Caller

TRY_AGAIN, TOKEN_EXPIRED, HISTORY_CHANGED = 3001, 3002, 3003
"""Close codes up to 3499: connect again. 3008 (infra/web/sockets.py): too slow."""
NOT_UNDERSTOOD, NOT_SIGNED_IN, SESSION_ENDED, TOO_MANY = 3500, 3501, 3502, 3503
"""From 3500 on: connecting again in the same way does not help."""
CODES = frozenset(
    (TRY_AGAIN, TOKEN_EXPIRED, HISTORY_CHANGED, SLOW, NOT_UNDERSTOOD, NOT_SIGNED_IN, SESSION_ENDED, TOO_MANY)
)
UNCERTAIN = "whether the session goes on cannot be told now"


class Ended(Exception):
    """It is over; the close code and the reason that the client is told."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code


class Listener(ABC):
    """One connection of somebody.

    Args:
        authenticator: knows whether sessions go on.
    """

    def __init__(self, authenticator: Authenticator) -> None:
        self.authenticator = authenticator
        self._caller: Caller | None = None
        self._expiry: asyncio.TimerHandle | None = None
        self._checks: set[asyncio.Task[None]] = set()

    @abstractmethod
    def push(self, frame: Frame) -> None:
        """Takes a frame without waiting."""

    @abstractmethod
    def offer(self, frame: Frame) -> bool:
        """Takes a frame that matters for a moment only, unless others still wait to be read; whether it did."""

    @abstractmethod
    async def drained(self) -> bool:
        """Waits until all was taken that was pushed; False: nobody is there any more."""

    @abstractmethod
    def put_out(self, channel_id: UUID) -> None:
        """It is not in the room of this channel any more; it has been told why."""

    @abstractmethod
    def cut_off(self, code: int, reason: str) -> None:
        """Ends it at once, whatever the client has not taken yet.

        Args:
            code: the close code.
            reason: for people.
        """

    @property
    def caller(self) -> Caller:
        """Who it is."""
        assert self._caller is not None, "nobody listens who was not authenticated"
        return self._caller

    @property
    def user_id(self) -> UUID:
        """Who it is."""
        return self.caller.user_id

    @property
    def hears_all(self) -> bool:
        """Whether it is an admin."""
        return "admin" in self.caller.roles

    def signed_in(self, caller: Caller) -> None:
        """From now on, until the token ends, it listens as this person.

        Raises:
            Ended: it was somebody else.
        """
        if self._caller is not None and caller.user_id != self._caller.user_id:
            raise Ended(NOT_SIGNED_IN, "the new token is of somebody else")
        self._caller = caller
        self._cancel_expiry()
        loop, left = asyncio.get_running_loop(), max(caller.expires_at - time(), 0)
        self._expiry = loop.call_later(left, self.cut_off, TOKEN_EXPIRED, "the access token has expired")

    def check_session(self) -> None:
        """A session of this person has ended: was it this one?"""
        check = asyncio.create_task(self._check(), name="live-session-check")
        self._checks.add(check)
        check.add_done_callback(self._checks.discard)

    def close(self) -> None:
        """Lets everything go."""
        self._cancel_expiry()
        for check in self._checks:
            check.cancel()

    async def _check(self) -> None:
        try:
            await self.authenticator.ensure_active(self.caller)
        except Unauthenticated:
            self.cut_off(SESSION_ENDED, "the session has ended")
        except MimoError:
            self.cut_off(TRY_AGAIN, UNCERTAIN)

    def _cancel_expiry(self) -> None:
        if self._expiry is not None:
            self._expiry.cancel()
