"""Refresh tokens and sessions: what is judged how, and what the decisions depend on."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from uuid import UUID, uuid4

import msgspec
import pytest

from command_api.domain import sessions, users
from command_api.domain.sessions import GRACE_SECONDS, RefreshFamily, judge, parse_token, rotated, token_text
from events import claims
from events.errors import Unauthenticated
from events.ports import PrivateWrite
from events.users import PasswordChanged, SessionEnded, SessionStarted, UserRegistered

KEY, USER, SESSION = b"k" * 32, UUID(int=1), UUID(int=2)
FIRST = RefreshFamily(USER, "ab" * 16, 1, 1_000.0)
SECOND = rotated(FIRST, 2_000.0)
THIRD = rotated(SECOND, 3_000.0)
LIFETIME_SECONDS = 86_400.0


def verdict(token_of: RefreshFamily, family: RefreshFamily, now: float) -> str:
    return judge(KEY, parse_token(token_text(KEY, SESSION, token_of)), family, now, LIFETIME_SECONDS)


def test_the_valid_token_rotates() -> None:
    assert verdict(FIRST, FIRST, 1_001.0) == "rotate"
    assert verdict(SECOND, SECOND, 2_001.0) == "rotate"


def test_the_parent_repeats_within_the_grace_and_is_reused_after_it() -> None:
    assert verdict(FIRST, SECOND, 2_000.0 + GRACE_SECONDS) == "repeat"
    assert verdict(FIRST, SECOND, 2_000.1 + GRACE_SECONDS) == "reused"


def test_an_older_ancestor_is_reused_even_within_the_grace() -> None:
    assert verdict(FIRST, THIRD, 3_001.0) == "reused"


def test_a_token_from_the_future_is_reused_only_if_it_is_ours() -> None:
    with pytest.raises(Unauthenticated):
        judge(b"other" * 8, parse_token(token_text(KEY, SESSION, FIRST)), FIRST, 1_001.0, LIFETIME_SECONDS)


def test_a_session_that_was_not_used_for_too_long_is_over() -> None:
    with pytest.raises(Unauthenticated):
        verdict(FIRST, FIRST, 1_001.0 + LIFETIME_SECONDS)


def test_made_up_tokens_are_refused_and_never_reused() -> None:
    session, _, secret = token_text(KEY, SESSION, FIRST).partition(".")
    raw = bytearray(urlsafe_b64decode(secret))
    raw[3] += 1  # the next number with the MAC of this one
    for text in (f"{session}.{urlsafe_b64encode(bytes(raw)).decode()}", f"{uuid4()}.{secret}"):
        with pytest.raises(Unauthenticated):
            judge(KEY, parse_token(text), SECOND, 2_001.0, LIFETIME_SECONDS)


@pytest.mark.parametrize(
    "text", ["", ".", "x.y", f"{SESSION}.", f"{SESSION}.AAAA", f"{SESSION}.{'é' * 48}", "x" * 10_000]
)
def test_what_is_no_token_is_refused(text: str) -> None:
    with pytest.raises(Unauthenticated):
        parse_token(text)


def test_the_stored_state_holds_no_token() -> None:
    stored = msgspec.json.encode(FIRST)
    secret = token_text(KEY, SESSION, FIRST).partition(".")[2]
    assert secret.encode() not in stored
    assert msgspec.json.decode(stored, type=RefreshFamily) == FIRST


def test_signing_in_depends_on_the_password_that_was_checked() -> None:
    decision = sessions.start(USER, SESSION, FIRST, 3, None)
    assert decision.events == (SessionStarted(user_id=USER, session_id=SESSION),)
    assert decision.private[0] == PrivateWrite("check", f"password/{USER}", version=3)
    upgraded = sessions.start(USER, SESSION, FIRST, 3, b"new")
    assert upgraded.private[0] == PrivateWrite("set", f"password/{USER}", b"new", 3)


def test_refreshing_depends_on_the_session_and_on_the_state() -> None:
    decision = sessions.refresh(SESSION, SECOND, 5)
    assert decision.events == ()
    assert decision.need == (claims.session(USER, SESSION),)
    assert (decision.private[0].name, decision.private[0].version) == (f"refresh/{SESSION}", 5)


def test_signing_out_forgets_the_refresh_tokens() -> None:
    for decision, ended in ((sessions.end(USER, SESSION, "logout"), SESSION), (sessions.end_all(USER, SESSION), None)):
        assert decision.events == (SessionEnded(user_id=USER, session_id=ended, reason="logout"),)
        assert decision.private == (PrivateWrite("delete", f"refresh/{SESSION}"),)
        assert decision.need == (claims.session(USER, SESSION),)


def test_registering_keeps_hash_and_key_private() -> None:
    decision = users.register(USER, "a@b.org", "abc", "Ada", password_hash=b"hash", data_key=b"key")
    assert decision.events == (UserRegistered(user_id=USER, email_hmac="abc", email="a@b.org", display_name="Ada"),)
    assert {(write.name, write.version) for write in decision.private} == {
        (f"password/{USER}", 0),
        (f"data_key/{USER}", 0),
    }


def test_a_password_change_depends_on_the_session_and_on_the_old_password() -> None:
    decision = users.change_password(USER, SESSION, b"hash", 4)
    assert decision.events == (PasswordChanged(user_id=USER, session_id=SESSION),)
    assert decision.need == (claims.session(USER, SESSION),)
    assert decision.private == (PrivateWrite("set", f"password/{USER}", b"hash", 4),)
