"""Rate limits: counted per subject, told with the headers that clients understand, off only for load tests."""

from __future__ import annotations

import pytest

from events.errors import RateLimited
from infra.web import limits as counted
from infra.web.limits import Limit, Pace, RateLimits, TooMany, address_of
from infra.web.problems import problem_of

LIMIT = Limit("login", "3/minute")
PACE = Pace("speaking", a_minute=60, at_once=5)


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.seconds = 1_000.0

    def __call__(self) -> float:
        return self.seconds


def taken(limits: RateLimits, subject: object = "ada") -> int:
    """How often something can be done now, at once."""
    for number in range(1_000):
        try:
            limits.spend(PACE, subject)
        except TooMany:
            return number
    return 1_000


async def test_one_too_many_is_refused_and_told_when_to_come_again() -> None:
    limits = RateLimits()
    for _ in range(3):
        await limits.hit((LIMIT, "ada"))
    with pytest.raises(TooMany) as caught:
        await limits.hit((LIMIT, "ada"))
    answer = problem_of(caught.value, "0" * 32)
    assert answer is not None
    headers = dict(answer.raw_headers)
    assert answer.status_code == 429
    assert 1 <= int(headers[b"retry-after"]) <= 60
    assert headers[b"ratelimit-policy"] == b'"login";q=3;w=60'
    assert headers[b"ratelimit"].startswith(b'"login";r=0;t=')


async def test_subjects_and_names_are_counted_apart() -> None:
    limits = RateLimits()
    for subject in ("ada", "grace"):
        for name in ("login", "refresh"):
            for _ in range(3):
                await limits.hit((Limit(name, "3/minute"), subject))


async def test_the_switch_turns_all_of_it_off() -> None:
    limits = RateLimits(enabled=False)
    for _ in range(100):
        await limits.hit((LIMIT, "ada"))


async def test_any_of_several_limits_refuses() -> None:
    limits = RateLimits()
    for n in range(3):
        await limits.hit((LIMIT, f"account {n}"), (Limit("address", "3/minute"), "10.0.0.1"))
    with pytest.raises(RateLimited):
        await limits.hit((LIMIT, "account 3"), (Limit("address", "3/minute"), "10.0.0.1"))


def test_who_was_silent_may_do_much_at_once_and_then_goes_on_at_a_pace() -> None:
    clock = Clock()
    limits = RateLimits(clock=clock)
    assert taken(limits) == 5
    assert taken(limits, "grace") == 5
    clock.seconds += 2.5
    assert taken(limits) == 2, "what is left of a second counts for the next"
    clock.seconds += 0.5
    assert taken(limits) == 1
    clock.seconds += 1_000
    assert taken(limits) == 5, "nobody saves up more than that"


def test_who_is_too_fast_is_told_when_to_come_again() -> None:
    clock = Clock()
    limits = RateLimits(clock=clock)
    taken(limits)
    with pytest.raises(TooMany) as caught:
        limits.spend(PACE, "ada")
    answer = problem_of(caught.value, "0" * 32)
    assert answer is not None
    headers = dict(answer.raw_headers)
    assert (answer.status_code, headers[b"retry-after"]) == (429, b"1")
    assert (headers[b"ratelimit-policy"], headers[b"ratelimit"]) == (b'"speaking";q=60;w=60', b'"speaking";r=0;t=1')
    clock.seconds += int(headers[b"retry-after"])
    assert taken(limits) == 1


def test_whoever_has_rested_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counted, "FEW_SUBJECTS", 10)
    clock = Clock()
    limits = RateLimits(clock=clock)
    for number in range(100):
        clock.seconds += 1
        limits.spend(PACE, number)
    assert taken(limits, 99) == 4
    assert len(limits._spent["speaking"]) <= 20


def test_a_pace_is_off_with_all_the_others() -> None:
    assert taken(RateLimits(enabled=False)) == 1_000


def test_addresses_are_counted_by_network_where_people_have_many() -> None:
    assert address_of({"client": ("192.0.2.7", 1)}) == "192.0.2.7"
    assert address_of({"client": ("2001:db8::1", 1)}) == address_of({"client": ("2001:db8::2", 1)}) == "2001:db8::/64"
    assert address_of({"client": None}) == address_of({"client": ("unix", 0)}) == "unknown"
