"""Sessions and their refresh tokens. It must not know access tokens, HTTP or how passwords are checked.

A refresh token is `<session id>.<secret>`. The secret is a number (the how-manieth of its family) and an HMAC that
only this server can make, so made-up tokens revoke nothing, and the same number always gives the same token: within
the grace a client that lost the answer gets the same child again. The log keeps no token, only the family's state.
"""

from __future__ import annotations

import hashlib
import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Literal
from uuid import UUID

import msgspec

from command_api.domain.decision import Decision
from command_api.domain.users import password_name
from events import claims
from events.errors import Unauthenticated
from events.ports import PrivateWrite
from events.users import SessionEnded, SessionStarted

GRACE_SECONDS = 10.0
_NUMBER_BYTES = 4
_MAC_BYTES = 32
MAX_TOKEN_CHARACTERS = 200


class RefreshFamily(msgspec.Struct, frozen=True):
    """The state of one session's refresh tokens, kept as a private value.

    Args:
        user_id: whose session it is.
        nonce: hex, drawn when the session started; goes into every token.
        number: of the token that is valid now, from 1.
        rotated_at: when that one was made, seconds since the epoch.
    """

    user_id: UUID
    nonce: str
    number: int
    rotated_at: float


class RefreshToken(msgspec.Struct, frozen=True):
    """A refresh token taken apart; nothing is proven yet."""

    session_id: UUID
    number: int
    mac: bytes


def family_name(session_id: UUID) -> str:
    """The private value that holds a session's refresh family."""
    return f"refresh/{session_id}"


def token_text(key: bytes, session_id: UUID, family: RefreshFamily) -> str:
    """The refresh token that is valid now. `key` is the server's own."""
    secret = family.number.to_bytes(_NUMBER_BYTES) + _mac(key, session_id, family.nonce, family.number)
    return f"{session_id}.{urlsafe_b64encode(secret).decode()}"


def parse_token(text: str) -> RefreshToken:
    """Takes a token apart.

    Raises:
        Unauthenticated: it is not a refresh token.
    """
    session, _, secret = text.partition(".")
    try:
        raw = urlsafe_b64decode(secret) if len(text) <= MAX_TOKEN_CHARACTERS else b""
        if len(raw) != _NUMBER_BYTES + _MAC_BYTES:
            raise ValueError
        return RefreshToken(UUID(session), int.from_bytes(raw[:_NUMBER_BYTES]), raw[_NUMBER_BYTES:])
    except ValueError:
        raise Unauthenticated("This is not a refresh token.") from None


def judge(
    key: bytes, token: RefreshToken, family: RefreshFamily, now: float, lifetime_seconds: float
) -> Literal["rotate", "repeat", "reused"]:
    """What to do with a refresh token.

    Args:
        key: the server's own.
        token: what was shown.
        family: the state of its session.
        now: seconds since the epoch.
        lifetime_seconds: how long a session lives without being refreshed.

    Returns:
        `rotate`: it is the valid one. `repeat`: it is the parent of the valid one, within the grace.
        `reused`: it is one of ours and was used up before: somebody has a copy.

    Raises:
        Unauthenticated: it is not one of ours, or the session was not used for too long.
    """
    if not hmac.compare_digest(token.mac, _mac(key, token.session_id, family.nonce, token.number)):
        raise Unauthenticated("This is not a refresh token.")
    if now > family.rotated_at + lifetime_seconds:
        raise Unauthenticated("This session was not used for too long; sign in again.")
    if token.number == family.number:
        return "rotate"
    within_grace = now <= family.rotated_at + GRACE_SECONDS
    return "repeat" if token.number == family.number - 1 and within_grace else "reused"


def rotated(family: RefreshFamily, now: float) -> RefreshFamily:
    """The family after one more refresh."""
    return RefreshFamily(family.user_id, family.nonce, family.number + 1, now)


def start(
    user_id: UUID, session_id: UUID, family: RefreshFamily, password_version: int, upgraded_hash: bytes | None
) -> Decision:
    """Someone signs in.

    Args:
        user_id: who.
        session_id: a fresh id.
        family: the state of its refresh tokens.
        password_version: of the hash that was checked: no sign-in commits after the password changed.
        upgraded_hash: to be stored instead, when the stored one is out of date.
    """
    name = password_name(user_id)
    password = (
        PrivateWrite("check", name, version=password_version)
        if upgraded_hash is None
        else PrivateWrite("set", name, upgraded_hash, password_version)
    )
    stored = PrivateWrite("set", family_name(session_id), msgspec.json.encode(family), 0)
    return Decision((SessionStarted(user_id=user_id, session_id=session_id),), private=(password, stored))


def refresh(session_id: UUID, family: RefreshFamily, version: int) -> Decision:
    """A session's refresh token is used up; of two at once one wins.

    Args:
        session_id: the session; it must go on.
        family: the new state.
        version: of the state that it was decided from.
    """
    write = PrivateWrite("set", family_name(session_id), msgspec.json.encode(family), version)
    return Decision((), need=(claims.session(family.user_id, session_id),), private=(write,))


def end(user_id: UUID, session_id: UUID, reason: Literal["logout", "refresh_reused"]) -> Decision:
    """One session ends; it must go on until now."""
    event = SessionEnded(user_id=user_id, session_id=session_id, reason=reason)
    gone = PrivateWrite("delete", family_name(session_id))
    return Decision((event,), need=(claims.session(user_id, session_id),), private=(gone,))


def end_all(user_id: UUID, session_id: UUID) -> Decision:
    """All of a person's sessions end; `session_id` is the one that asks for it."""
    event = SessionEnded(user_id=user_id, session_id=None, reason="logout")
    gone = PrivateWrite("delete", family_name(session_id))
    return Decision((event,), need=(claims.session(user_id, session_id),), private=(gone,))


def _mac(key: bytes, session_id: UUID, nonce: str, number: int) -> bytes:
    message = session_id.bytes + bytes.fromhex(nonce) + number.to_bytes(_NUMBER_BYTES)
    return hmac.digest(key, message, hashlib.sha256)
