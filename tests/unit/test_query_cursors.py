"""Cursors and what reads ask for: what comes in is checked, what goes out comes back."""

from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.errors import InvalidRequest
from query_api import cursors
from query_api.asked import Asked, wait_of
from query_api.cursors import After, Before

MOMENTS = st.datetimes(timezones=st.sampled_from([UTC, timezone(timedelta(hours=5))]))


@given(MOMENTS, st.uuids())
def test_a_list_cursor_comes_back_as_it_went(at: datetime, row_id: UUID) -> None:
    assert cursors.read(cursors.written(After(at, row_id)), After) == After(at, row_id)


@given(st.integers(1, 2**62))
def test_a_timeline_cursor_comes_back_as_it_went(seq: int) -> None:
    assert cursors.read(cursors.written(Before(seq)), Before) == Before(seq)


@given(st.text(max_size=300))
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest):
        cursors.read(text, After)


def test_a_cursor_of_another_list_is_refused() -> None:
    with pytest.raises(InvalidRequest):
        cursors.read(cursors.written(Before(3)), After)
    with pytest.raises(InvalidRequest):
        cursors.read(cursors.written(After(datetime(2026, 1, 1, tzinfo=UTC), uuid4())), Before)


def test_the_next_page_has_the_same_filters() -> None:
    assert cursors.link("/v1/courses", b"q=a%26b&cursor=old&tag=", "new") == (
        b"link",
        b'</v1/courses?q=a%26b&tag=&cursor=new>; rel="next"',
    )


@pytest.mark.parametrize(
    ("prefer", "seconds"),
    [
        (b"wait=3", 3), (b"wait=0", 0), (b"wait=600", 10), (b"respond-async, wait=2", 2), (b'Wait = "4"; x', 4),
        (b"wait=", 1), (b"wait=-1", 1), (b"wait=soon", 1), (b"await=5", 1), (b"\xff", 1),
    ],
)  # fmt: skip
def test_prefer_says_how_long_to_wait(prefer: bytes, seconds: float) -> None:
    assert wait_of(prefer) == seconds


@pytest.mark.parametrize(
    ("header", "known"),
    [
        (b'"abc"', True), (b'W/"abc"', True), (b'"x", "abc"', True), (b"*", True), (b'"ab"', False), (b"abc", False),
        (b"", False),
    ],
)  # fmt: skip
def test_if_none_match_names_what_the_client_has(header: bytes, known: bool) -> None:
    asked = Asked({"path": "/", "query_string": b""}, {b"if-none-match": header})
    assert asked.has('"abc"') is known
