"""The door: tokens verified once and remembered, their expiry and session checked at every use."""

from __future__ import annotations

from time import time
from uuid import UUID, uuid4

import pytest

from events.errors import Overloaded, Unauthenticated
from infra.tokens import AccessClaims, InvalidToken
from infra.web.auth import Authenticator


class Verifier:
    """Accepts tokens that begin with `good`, and counts."""

    def __init__(self, lifetime_seconds: int = 900) -> None:
        self.calls, self.lifetime_seconds = 0, lifetime_seconds

    def verify(self, token: str) -> AccessClaims:
        self.calls += 1
        if not token.startswith("good"):
            raise InvalidToken("This is not an access token.")
        return AccessClaims(uuid4(), uuid4(), frozenset(), int(time()) + self.lifetime_seconds)


class Sessions:
    """Lets everyone in until told otherwise."""

    def __init__(self) -> None:
        self.error: Exception | None = None

    async def ensure_active(self, user_id: UUID, session_id: UUID) -> None:
        if self.error:
            raise self.error


async def test_a_token_is_verified_once() -> None:
    verifier = Verifier()
    door = Authenticator(verifier, Sessions())
    first = await door.caller(b"Bearer good")
    assert await door.caller(b"Bearer good") is first
    assert verifier.calls == 1
    assert first.actor == f"user:{first.user_id}"


@pytest.mark.parametrize("header", [None, b"", b"good", b"Basic good", b"Bearer", b"Bearer bad", b"Bearer \xff"])
async def test_everything_else_is_refused(header: bytes | None) -> None:
    with pytest.raises(Unauthenticated):
        await Authenticator(Verifier(), Sessions()).caller(header)


async def test_a_remembered_token_still_expires() -> None:
    door = Authenticator(Verifier(), Sessions())
    caller = await door.caller(b"bearer good")
    caller.expires_at = int(time()) - 1
    with pytest.raises(Unauthenticated):
        await door.caller(b"bearer good")


async def test_a_remembered_token_still_needs_its_session() -> None:
    sessions = Sessions()
    door = Authenticator(Verifier(), sessions)
    await door.caller(b"Bearer good")
    for error in (Unauthenticated(), Overloaded()):
        sessions.error = error
        with pytest.raises(type(error)):
            await door.caller(b"Bearer good")


async def test_what_is_remembered_is_bounded() -> None:
    verifier = Verifier()
    door = Authenticator(verifier, Sessions(), capacity=2)
    for n in (1, 2, 3, 3, 2, 1):
        await door.caller(b"Bearer good%d" % n)
    assert verifier.calls == 4
    assert len(door._known) == 2
