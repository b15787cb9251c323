"""Bookmarks: written and read back, joined, of another history, and not bookmarks at all."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.bookmark import MAX_ITEMS, Place, format_bookmark, history_of, parse_bookmark
from events.errors import HistoryChanged, InvalidRequest

LOG = UUID("7f3a9c21-0000-4000-8000-000000000000")
OTHER_LOG = UUID("7f3a9c22-0000-4000-8000-000000000000")

topics = st.sampled_from(("mimo.users", "mimo.courses", "mimo.enrollments", "mimo.messages"))
places = st.tuples(topics, st.integers(0, 99_999))


def test_a_bookmark_is_short_and_readable() -> None:
    text = format_bookmark(LOG, {("mimo.messages", 3): 1204, ("mimo.courses", 1): 7})
    assert text == "log.7f3a9c21,messages.3:1204,courses.1:7"
    assert history_of(LOG) == "7f3a9c21"


@given(st.dictionaries(places, st.integers(1, 10**18 - 1), max_size=20))
def test_what_is_written_reads_back(offsets: dict[Place, int]) -> None:
    assert parse_bookmark(format_bookmark(LOG, offsets), LOG) == offsets
    assert parse_bookmark(format_bookmark(LOG, list(offsets.items())), LOG) == offsets


def test_a_place_at_its_beginning_asks_for_nothing() -> None:
    assert format_bookmark(LOG, {("mimo.users", 0): 0}) == "log.7f3a9c21"
    assert parse_bookmark("log.7f3a9c21", LOG) == {}


def test_of_joined_bookmarks_the_largest_offset_counts() -> None:
    joined = "log.7f3a9c21,messages.3:9, log.7f3a9c21 , messages.3:12,messages.3:11,users.0:1"
    assert parse_bookmark(joined, LOG) == {("mimo.messages", 3): 12, ("mimo.users", 0): 1}


@given(st.dictionaries(places, st.integers(1, 10**6)), st.dictionaries(places, st.integers(1, 10**6)))
def test_joining_is_the_maximum_place_by_place(one: dict[Place, int], two: dict[Place, int]) -> None:
    joined = parse_bookmark(f"{format_bookmark(LOG, one)},{format_bookmark(LOG, two)}", LOG)
    assert joined == {place: max(one.get(place, 0), two.get(place, 0)) for place in one | two}


@pytest.mark.parametrize(
    "text", ["log.7f3a9c22,messages.3:1", "log.7f3a9c21,log.7f3a9c22", "messages.3:1,log.00000000"]
)
def test_a_bookmark_of_another_history_is_told_apart(text: str) -> None:
    with pytest.raises(HistoryChanged):
        parse_bookmark(text, LOG)
    assert history_of(OTHER_LOG) != history_of(LOG)


@pytest.mark.parametrize(
    "text",
    [
        "",
        ",",
        "messages.3:1204,",
        "messages.3",
        "messages.3:-1",
        "messages.3:1.5",
        "messages.x:1",
        "messages.3:1204;users.0:1",
        "Messages.3:1",
        "mimo.messages.3:1",
        "messages.３:1",
        "messages.3:" + "9" * 19,
        "messages.123456:1",
        "log.7F3A9C21",
        "log.7f3a9c2",
        "log.7f3a9c21\n,users.0:1\x00",
        "x" * 10_000,
    ],
)
def test_what_is_no_bookmark_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest):
        parse_bookmark(text, LOG)


def test_a_bookmark_with_too_many_items_is_refused() -> None:
    with pytest.raises(InvalidRequest, match=str(MAX_ITEMS)):
        parse_bookmark(",".join(["users.0:1"] * (MAX_ITEMS + 1)), LOG)


@given(st.text(max_size=80))
def test_any_text_is_read_or_refused_and_nothing_else(text: str) -> None:
    try:
        parsed = parse_bookmark(text, LOG)
    except (InvalidRequest, HistoryChanged):
        return
    assert all(offset >= 0 for offset in parsed.values())
