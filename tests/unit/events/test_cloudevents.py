"""What goes onto the wire and comes back is what the log holds; what is no event is refused in words."""

from datetime import UTC, datetime
from uuid import UUID

import msgspec
import pytest

from events.cloudevents import from_record, history_header, to_headers
from events.errors import UndecodableEvent
from events.event import Event
from events.recorded import Meta, Recorded
from tests.unit.events.examples import EXAMPLES, SECRETS
from tests.written_log import WrittenLog

HISTORY = history_header(UUID("01938000-0000-7000-8000-0000000000aa"))
FULL = Meta("user:x", "correlation", "cause", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")

every_event = pytest.mark.parametrize("event", EXAMPLES, ids=lambda event: event.contract.name)


def recorded(event: Event, meta: Meta = FULL) -> Recorded:
    log = WrittenLog()
    if event.subject is not None:
        key = bytes(32)
        log.keys[event.subject] = key
        log.ring.add(event.subject, key)
    return msgspec.structs.replace(
        log.add(event),
        meta=msgspec.json.encode(meta).decode(),
        at=datetime(2026, 9, 1, 12, 30, 15, 120, tzinfo=UTC),
        position=12_345_678_901,
    )


def back(event: Recorded, headers: list[tuple[str, bytes]]) -> Recorded:
    return from_record(event.topic, event.partition, event.key.encode(), event.data.encode(), headers).recorded


@every_event
def test_every_event_comes_back_as_it_was(event: Event) -> None:
    before = recorded(event)
    assert back(before, to_headers(before, HISTORY)) == before


@pytest.mark.parametrize("meta", [Meta("anonymous"), Meta("user:x", correlation_id="c"), Meta("x", traceparent="t")])
def test_meta_data_that_are_not_there_have_no_header(meta: Meta) -> None:
    before = recorded(EXAMPLES[2], meta)
    headers = to_headers(before, HISTORY)
    assert all(value for _, value in headers)
    assert back(before, headers) == before


def test_the_history_is_told() -> None:
    before = recorded(EXAMPLES[2])
    published = from_record(before.topic, 0, b"k", b"{}", to_headers(before, HISTORY))
    assert published.log_id == HISTORY


def test_the_headers_are_those_of_the_public_contract() -> None:
    headers = dict(to_headers(recorded(EXAMPLES[0]), HISTORY))
    assert headers["ce_specversion"] == b"1.0"
    assert headers["ce_type"] == b"app.mimo.UserRegistered.v1"
    assert headers["ce_source"] == b"/mimo"
    assert headers["ce_time"] == b"2026-09-01T12:30:15.000120Z"
    assert headers["ce_mimoposition"] == b"12345678901"
    assert headers["content-type"] == b"application/json"


@every_event
def test_nothing_personal_is_on_the_wire(event: Event) -> None:
    before = recorded(event)
    wire = before.key.encode() + before.data.encode() + b"".join(value for _, value in to_headers(before, HISTORY))
    assert not [secret for secret in SECRETS if secret.encode() in wire]


REQUIRED = [name for name, _ in to_headers(recorded(EXAMPLES[0], Meta("anonymous")), HISTORY)]
UNREAD = {"content-type", "ce_specversion", "ce_source"}
"""What others need and we do not."""


@pytest.mark.parametrize("missing", sorted(set(REQUIRED) - UNREAD))
def test_a_record_without_a_header_says_which(missing: str) -> None:
    before = recorded(EXAMPLES[0])
    with pytest.raises(UndecodableEvent, match=missing):
        back(before, [(name, value) for name, value in to_headers(before, HISTORY) if name != missing])


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("ce_type", b"com.example.Other"),
        ("ce_type", b"app.mimo.UserRegistered.vX"),
        ("ce_type", b"\xff"),
        ("ce_id", b"42"),
        ("ce_time", b"yesterday"),
        ("ce_mimooffset", b"one"),
        ("ce_subject", b"\xff"),
        ("ce_mimoposition", None),
    ],
)
def test_a_header_that_cannot_be_read_is_refused_without_its_value(header: str, value: bytes) -> None:
    before = recorded(EXAMPLES[0])
    headers = [(name, value if name == header else held) for name, held in to_headers(before, HISTORY)]
    with pytest.raises(UndecodableEvent) as refused:
        back(before, headers)
    assert "yesterday" not in str(refused.value)


@pytest.mark.parametrize(("key", "value"), [(None, b"{}"), (b"k", None), (b"k", b"\xff"), (b"\xff", b"{}")])
def test_keys_and_values_must_be_texts(key: bytes | None, value: bytes | None) -> None:
    with pytest.raises(UndecodableEvent):
        from_record("mimo.users", 0, key, value, to_headers(recorded(EXAMPLES[0]), HISTORY))
