"""What is made of records, one kind at a time."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from aiokafka.structs import ConsumerRecord

from events.bookmark import Place
from events.cloudevents import Header, history_header, to_headers
from events.enrollments import TOPIC, Enrolled
from events.errors import BrokenLog
from events.recorded import Recorded
from infra.event_log.sieve import NEAR_EVENTS, Gap, Sieve, Sifted
from infra.ids import new_id
from tests.written_log import WrittenLog

PLACE: Place = (TOPIC, 0)
LOG_ID = history_header(new_id())


@pytest.fixture
def events() -> list[Recorded]:
    return WrittenLog(1).add_all(Enrolled(course_id=new_id(), user_id=new_id()) for _ in range(5))


def record(kafka_offset: int, key: bytes | None, value: bytes | None, headers: Sequence[Header]) -> ConsumerRecord:
    return ConsumerRecord("t." + TOPIC, 0, kafka_offset, 0, 0, key, value, None, 0, 0, tuple(headers))


def published(event: Recorded, kafka_offset: int, log_id: bytes = LOG_ID) -> ConsumerRecord:
    return record(kafka_offset, event.key.encode(), event.data.encode(), to_headers(event, log_id))


def sift(records: Sequence[ConsumerRecord], expected: int = 1, *, hinted: bool = False) -> tuple[Sifted, int]:
    sieve, sifted = Sieve(LOG_ID, {PLACE: expected}, {PLACE} if hinted else set()), Sifted()
    sieve.sift(PLACE, records, sifted)
    return sifted, sieve.expected[PLACE]


def test_what_was_expected_passes_with_a_hint_after_the_last(events: list[Recorded]) -> None:
    sifted, expected = sift([published(event, 10 + 2 * number) for number, event in enumerate(events)])
    assert (sifted.events, sifted.last, sifted.hints, expected) == (events, {PLACE: events[-1]}, {PLACE: 19}, 6)


def test_what_was_had_already_is_counted_and_passed_over(events: list[Recorded]) -> None:
    sifted, expected = sift([published(event, number) for number, event in enumerate([*events, *events])], expected=3)
    assert (sifted.events, sifted.duplicates, expected) == (events[2:], {TOPIC: 7}, 6)


def test_a_gap_says_up_to_where_and_what_comes_after_is_left_alone(events: list[Recorded]) -> None:
    sifted, expected = sift([published(events[0], 4), published(events[3], 7), published(events[4], 8)])
    assert (sifted.events, sifted.gaps, expected) == (events[:1], {PLACE: Gap(3, 7)}, 2)


def test_what_is_no_event_is_put_aside_and_the_next_shows_the_gap(events: list[Recorded]) -> None:
    sifted, _ = sift([published(events[0], 4), record(5, b"k", b"v", []), published(events[2], 6)])
    assert [(letter.record.offset, letter.place) for letter in sifted.letters] == [(5, PLACE)]
    assert sifted.gaps == {PLACE: Gap(2, 6)}


@pytest.mark.parametrize("wrong", [2, 5 + NEAR_EVENTS + 1], ids=["too late", "much too early"])
def test_a_hint_that_led_elsewhere_is_noticed_by_the_first_event(events: list[Recorded], wrong: int) -> None:
    sifted, expected = sift([published(event, number) for number, event in enumerate(events[4:])], wrong, hinted=True)
    assert (sifted.misplaced, sifted.events, sifted.gaps, expected) == ({PLACE}, [], {}, wrong)


def test_a_hint_that_led_a_little_too_early_is_good_enough(events: list[Recorded]) -> None:
    sifted, _ = sift([published(event, number) for number, event in enumerate(events)], 4, hinted=True)
    assert (sifted.misplaced, sifted.events) == (set(), events[3:])


def test_another_history_is_an_error_that_says_what_to_do(events: list[Recorded]) -> None:
    with pytest.raises(BrokenLog, match=r"another history.*mimo topics delete"):
        sift([published(events[0], 1, b"\xff")])
