"""Identifiers: UUIDv7, unique, and sorted by the millisecond in which they were made."""

import time
from uuid import RFC_4122

import pytest

from infra.ids import NANOSECONDS_A_MILLISECOND, new_id


def test_an_id_is_a_uuid_of_version_7() -> None:
    made = new_id()
    assert made.version == 7
    assert made.variant == RFC_4122


def test_an_id_tells_the_millisecond_it_was_made_in() -> None:
    before = time.time_ns() // NANOSECONDS_A_MILLISECOND
    made = new_id().int >> 80
    assert before <= made <= time.time_ns() // NANOSECONDS_A_MILLISECOND


def test_ids_are_unique() -> None:
    assert len({new_id() for _ in range(20_000)}) == 20_000


def test_later_ids_sort_after_earlier_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(range(0, 10**13, 10**12 // 7))
    monkeypatch.setattr(time, "time_ns", lambda: next(clock))
    made = [new_id() for _ in range(20)]
    assert made == sorted(made)
    assert [str(one) for one in made] == sorted(str(one) for one in made)
