"""The one write path: a decision becomes an append, the append's outcome an answer.

It looks a used idempotency key up before a refusal is answered, decides conflicts anew, has mutes ended whose time is
up, and says what was refused in the domain's words. It must not know any command, nor HTTP's verbs and paths.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import NoReturn

from command_api.domain.decision import Decision
from command_api.domain.moderation import silenced
from command_api.muted import end_mute
from events.errors import MimoError, Overloaded, Refused, Rejected, ReusedKey, VersionConflict
from events.ports import Append, Appended, EventStore, Idempotency, NewEvent
from events.recorded import Meta
from infra.ids import new_id

MAX_DECISIONS = 5
MAX_SENDS = 25
"""As many people may begin to speak at once when their mutes in one course end together: one succeeds each time."""
CONFLICTS = frozenset(("version", "stale"))
RETRY_AFTER_CONFLICT_SECONDS = 1.0
TOO_MANY = "Too many others change the same thing at this moment."

Decide = Callable[[], Awaitable[Decision]]
InWords = Callable[[Refused], MimoError]


@dataclass(frozen=True, slots=True)
class Intent:
    """Who wants something done, and how the log is to remember it.

    Args:
        meta: actor and trace, stored with the events.
        idempotency: the caller's key, if any.
    """

    meta: Meta
    idempotency: Idempotency | None = None


class WritePath:
    """Turns decisions into appends."""

    def __init__(self, store: EventStore) -> None:
        self._store = store

    async def once(self, intent: Intent, decision: Decision, in_words: InWords) -> Appended:
        """Appends a decision that read nothing, so that it cannot be out of date.

        Args:
            intent: who wants it.
            decision: what is to happen.
            in_words: turns a refusal into what the caller is told.

        Raises:
            MimoError: as `in_words` says; Muted, ReusedKey, Overloaded, InvalidRequest.
        """
        try:
            return await self._appended(intent, decision)
        except Refused as refused:
            _tell(refused, in_words)

    async def decided(self, intent: Intent, decide: Decide, in_words: InWords, *, anew: bool = True) -> Appended:
        """Decides and appends; when what it was decided from changed meanwhile, decides anew, at most five times.

        Args:
            intent: who wants it.
            decide: reads what it needs and decides.
            in_words: turns a refusal into what the caller is told.
            anew: False answers the first conflict with VersionConflict (`If-Match`).

        Raises:
            MimoError: as `decide` and `in_words` say; Muted, ReusedKey, VersionConflict, Overloaded, InvalidRequest.
        """
        for _ in range(MAX_DECISIONS):
            try:
                decision = await decide()
            except Rejected:
                if intent.idempotency is not None and (first := await self._first_outcome(intent.idempotency)):
                    return first
                raise
            try:
                return await self._appended(intent, decision)
            except Refused as refused:
                if refused.reason not in CONFLICTS:
                    _tell(refused, in_words)
                if not anew:
                    raise VersionConflict from None
        raise Overloaded(TOO_MANY, RETRY_AFTER_CONFLICT_SECONDS)

    async def _appended(self, intent: Intent, decision: Decision) -> Appended:
        """Appends; when a mute is in the way whose time is up, it is ended first.

        Raises:
            Refused: anything else is in the way.
            Muted: its time is not up.
        """
        for _ in range(MAX_SENDS):
            try:
                return await self._store.append(_append(intent, decision))
            except Refused as refused:
                if not silenced(refused, decision.absent):
                    raise
                await end_mute(self._store, refused, intent.meta)
        raise Overloaded(TOO_MANY, RETRY_AFTER_CONFLICT_SECONDS)

    async def _first_outcome(self, idempotency: Idempotency) -> Appended | None:
        try:
            return await self._store.outcome(idempotency)
        except Refused:
            raise ReusedKey from None


def _append(intent: Intent, decision: Decision) -> Append:
    return Append(
        tuple([NewEvent(new_id(), event) for event in decision.events]),
        intent.meta,
        decision.expected,
        decision.need,
        decision.absent,
        decision.private,
        intent.idempotency,
    )


def _tell(refused: Refused, in_words: InWords) -> NoReturn:
    if refused.reason == "reused_key":
        raise ReusedKey from None
    raise in_words(refused) from None
