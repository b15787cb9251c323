"""Rate limits: counted per subject, told with the headers that clients understand, off only for load tests."""

from __future__ import annotations

import pytest

from events.errors import RateLimited
from infra.web.limits import Limit, RateLimits, TooMany, address_of
from infra.web.problems import problem_of

LIMIT = Limit("login", "3/minute")


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


def test_addresses_are_counted_by_network_where_people_have_many() -> None:
    assert address_of({"client": ("192.0.2.7", 1)}) == "192.0.2.7"
    assert address_of({"client": ("2001:db8::1", 1)}) == address_of({"client": ("2001:db8::2", 1)}) == "2001:db8::/64"
    assert address_of({"client": None}) == address_of({"client": ("unix", 0)}) == "unknown"
