"""Erasing a person: what is destroyed, what must hold, and what refuses it."""

from __future__ import annotations

from uuid import uuid4

import pytest

from command_api.domain import erasing, users
from events import claims
from events.claims import Effect, effects
from events.errors import Refused, Unauthenticated
from events.ports import PrivateWrite
from events.users import UserErased

USER, SESSION, OTHER = uuid4(), uuid4(), uuid4()


def test_key_password_and_refresh_tokens_go_with_the_event_that_says_so() -> None:
    decision = erasing.erase(USER, "hmac", [SESSION, OTHER], SESSION)
    assert decision.events == (
        UserErased(user_id=USER, email_hmac="hmac", destroyed=("data_key", "password", "refresh")),
    )
    assert decision.need == (claims.session(USER, SESSION),)
    assert decision.private == tuple(
        PrivateWrite("delete", name)
        for name in (f"data_key/{USER}", f"password/{USER}", f"refresh/{SESSION}", f"refresh/{OTHER}")
    )


def test_an_operator_needs_no_session_of_the_person() -> None:
    decision = erasing.erase(USER, "hmac", [], None)
    assert decision.need == ()
    assert decision.events == (UserErased(user_id=USER, email_hmac="hmac", destroyed=("data_key", "password")),)


def test_it_happens_once_and_frees_the_address() -> None:
    (event,) = erasing.erase(USER, "hmac", [], None).events
    assert Effect("take", *claims.erased(USER)) in effects(event)
    assert Effect("release", *claims.email("hmac")) in effects(event)


def test_nobody_who_was_erased_changes_their_name() -> None:
    assert users.change_profile(USER, "Ada").absent == (claims.erased(USER),)
    told = users.change_profile_refused(Refused("taken", "erased", str(USER)))
    assert isinstance(told, Unauthenticated)


@pytest.mark.parametrize("reason", ["missing", "taken"])
def test_a_session_that_ended_and_a_second_time_are_refused_politely(reason: str) -> None:
    assert isinstance(erasing.refused(Refused(reason)), Unauthenticated)


def test_what_is_no_answer_to_a_person_stays_a_refusal() -> None:
    refusal = Refused("stale", "password/x")
    assert erasing.refused(refusal) is refusal
    assert users.change_profile_refused(refusal) is refusal
