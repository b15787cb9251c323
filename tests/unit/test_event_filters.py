"""Filters as people write them: what is understood, and what is said of what is not."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from events.catalog import EVENTS
from events.errors import InvalidRequest
from infra.event_log.lanes import Lane
from infra.event_log.places import read_where
from infra.event_log.wanted import Wanted, actor_of, read_wanted, stream_of, time_of, topic_of, type_of

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
ADA = "01938000-0000-7000-8000-000000000001"


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("90s", NOW - timedelta(seconds=90)),
        ("15m", NOW - timedelta(minutes=15)),
        ("2h", NOW - timedelta(hours=2)),
        ("3d", NOW - timedelta(days=3)),
        ("1w", NOW - timedelta(days=7)),
        ("0m", NOW),
        ("2026-11-22", datetime(2026, 11, 22, tzinfo=UTC)),
        ("2026-11-22T10:30", datetime(2026, 11, 22, 10, 30, tzinfo=UTC)),
        ("2026-11-22 10:30:01.5", datetime(2026, 11, 22, 10, 30, 1, 500_000, tzinfo=UTC)),
        ("2026-11-22T10:30:00Z", datetime(2026, 11, 22, 10, 30, tzinfo=UTC)),
        ("2026-11-22T10:30:00+02:00", datetime(2026, 11, 22, 8, 30, tzinfo=UTC)),
    ],
)
def test_a_time_is_relative_or_a_date_or_iso_8601(text: str, moment: datetime) -> None:
    assert time_of(text, NOW) == moment
    assert time_of(text, NOW).tzinfo is UTC


@pytest.mark.parametrize(
    "text",
    [
        "", "15", "m", "15 m", "-15m", "1.5h", "15y", "999999w", "yesterday", "2026-13-01", "12:30",
        "0001-01-01T00:00+23:00",
    ],
)  # fmt: skip
def test_what_is_no_time_is_refused_with_what_to_write(text: str) -> None:
    with pytest.raises(InvalidRequest, match="is no time: write 15m"):
        time_of(text, NOW)


@pytest.mark.parametrize(
    ("text", "actor"),
    [
        (ADA, f"user:{ADA}"),
        (ADA.upper(), f"user:{ADA}"),
        (f"user:{ADA}", f"user:{ADA}"),
        ("operator:root", "operator:root"),
        ("worker", "worker"),
        ("anonymous", "anonymous"),
    ],
)
def test_an_actor_is_written_as_the_log_has_it_or_as_a_users_id(text: str, actor: str) -> None:
    assert actor_of(text) == actor


@pytest.mark.parametrize("text", ["", "ada", "user:ada", "operator:", "Anonymous", "ada@example.org", f"owner:{ADA}"])
def test_who_is_nobody_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest, match="is nobody: write a user's id"):
        actor_of(text)


def test_a_topic_may_be_written_without_its_prefix() -> None:
    assert topic_of("messages") == topic_of("mimo.messages") == "mimo.messages"
    with pytest.raises(InvalidRequest, match="There is no topic 'mails'; there are "):
        topic_of("mails")


def test_a_slip_in_a_type_is_met_with_what_was_meant() -> None:
    assert type_of("MessageSent") == "MessageSent"
    with pytest.raises(InvalidRequest, match="did you mean MessageSent"):
        type_of("messagesent")
    with pytest.raises(InvalidRequest, match="there are UserRegistered, "):
        type_of("Xyz")


def test_a_stream_has_a_category_and_an_id() -> None:
    assert stream_of(f"course-{ADA}") == f"course-{ADA}"
    for wrong in ("", ADA, "course", "course-", f"lesson-{ADA}"):
        with pytest.raises(InvalidRequest, match="is no stream: write user-ID, course-ID, "):
            stream_of(wrong)


@pytest.mark.parametrize(
    ("filters", "said"),
    [
        ({"since": "2h", "until": "3h"}, "Nothing lies between 2026-11-23 10:00:00 and 2026-11-23 09:00:00 UTC"),
        ({"since": "2026-11-23", "until": "2026-11-23"}, "Nothing lies between"),
        ({"first": 8, "last": 7}, "Nothing lies between the positions 8 and 7"),
        ({"types": ["Enrolled"], "topic": "users"}, "Enrolled is in mimo.enrollments, never in mimo.users"),
        ({"key": ""}, "no text that an event could hold"),
        ({"pattern": "a\0b"}, "no text that an event could hold"),
        ({"stream": "course-\udcff"}, "no text that an event could hold"),
    ],
)
def test_what_nothing_can_match_is_refused(filters: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidRequest, match=said):
        read_wanted(**filters, now=NOW)


def test_filters_are_read_into_what_the_log_holds() -> None:
    assert read_wanted(
        types=["Enrolled", "MessageSent", "Enrolled"], key="k", actor=ADA, pattern="x+",
        since="1h", until="30m", last=9, now=NOW,
    ) == Wanted(
        types=("Enrolled", "MessageSent"), key="k", actor=f"user:{ADA}", pattern="x+",
        since=NOW - timedelta(hours=1), until=NOW - timedelta(minutes=30), last=9,
    )  # fmt: skip


def test_a_key_is_looked_for_in_the_streams_that_the_types_and_the_topic_allow() -> None:
    assert read_wanted(key="k").streams == tuple(f"{stream}-k" for stream in dict.fromkeys(
        event.contract.stream for event in EVENTS
    ))  # fmt: skip
    assert read_wanted(key="k", topic="courses").streams == ("course-k",)
    assert read_wanted(key="k", types=["Enrolled", "MessageSent"]).streams == ("enrollments-k", "channel-k")
    assert read_wanted(key="k", stream="course-k").streams == ("course-k",)


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("17", (Lane(), 17)),
        ("mimo.messages/3/17", (Lane("partition", "mimo.messages", 3), 17)),
        ("messages/3/17", (Lane("partition", "mimo.messages", 3), 17)),
        ("mimo.messages.3:17", (Lane("partition", "mimo.messages", 3), 17)),
        (f"course-{ADA}@2", (Lane("stream", f"course-{ADA}"), 2)),
        (ADA, UUID(ADA)),
    ],
)
def test_an_event_is_named_in_four_ways(text: str, where: object) -> None:
    assert read_where(text) == where


@pytest.mark.parametrize("text", ["", "-1", "1.5", "messages/3", "messages/3/x", "course@", "1" * 19, "0x10", "١٧"])
def test_what_names_no_event_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest, match="names no event: write its id"):
        read_where(text)
