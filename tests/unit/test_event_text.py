"""Events as people and programs are shown them: a line, all of it, JSON; sealed data as sealed, nothing raw."""

import json
from datetime import UTC, datetime
from uuid import UUID

import msgspec
import pytest

from events.catalog import encode
from events.contract.examples import EXAMPLES
from events.messages import MessageSent
from events.recorded import Meta, Recorded
from infra.event_log.json_lines import JsonEvent, json_line
from infra.sealing import new_key
from mimo.event_text import event_in_full, event_line, printable
from tests.documents import section
from tests.system import ROOT
from tests.unit.events.examples import CHANNEL, EVENT, SECRETS, USER, ring

ESCAPE = "\x1b]0;owned\x07"


def recorded(data: str, kind: str = "MessageSent", meta: Meta | None = None) -> Recorded:
    return Recorded(
        position=9, id=EVENT, stream=f"channel-{CHANNEL}", version=2, topic="mimo.messages", partition=3, offset=4,
        key=str(CHANNEL), type=kind, schema=1, data=data,
        meta=msgspec.json.encode(meta or Meta(actor=f"user:{USER}", correlation_id="c")).decode(),
        at=datetime(2026, 11, 23, 12, 6, 48, 220_171, tzinfo=UTC),
    )  # fmt: skip


@pytest.fixture(scope="module")
def message() -> Recorded:
    event = next(event for event in EXAMPLES if isinstance(event, MessageSent))
    return recorded(encode(event, EVENT, ring({USER: new_key()})))


def test_a_line_says_when_where_what_who_and_how_it_begins(message: Recorded) -> None:
    line = event_line(message)
    assert line.startswith(
        "2026-11-23 12:06:48.220        9  MessageSent         channel-…00000004@2       user:…00000001"
    )
    assert "channel_id=…00000004 " in line
    assert line.endswith("sealed=(sealed)")


def test_a_line_is_as_long_as_the_terminal_is_wide_but_always_shows_some_data(message: Recorded) -> None:
    assert len(event_line(message, 140)) == 140
    assert event_line(message, 140).endswith("…")
    narrow = event_line(message, 20)
    assert "channel_id=…0" in narrow
    assert narrow.endswith("…")
    assert event_line(message, 1000) == event_line(message)


def test_personal_data_are_shown_as_sealed(message: Recorded) -> None:
    shown = [event_line(message), event_in_full(message), json_line(message)]
    assert not [secret for secret in SECRETS for text in shown if secret in text]
    assert "sealed: text, with the key of author_id; it is not opened here." in shown[1]


def test_all_of_an_event_is_shown(message: Recorded) -> None:
    lines = event_in_full(message).splitlines()
    for line in (
        "position        9", f"id              {EVENT}", "time            2026-11-23 12:06:48.220171+00:00",
        "type            MessageSent, schema 1", f"stream          channel-{CHANNEL}, version 2",
        "topic           mimo.messages, partition 3, offset 4", f"key             {CHANNEL}",
        f"actor           user:{USER}", "correlation_id  c", f'  "author_id": "{USER}",',
    ):  # fmt: skip
        assert line in lines
    assert not [line for line in lines if line.startswith("traceparent")], "there is none"


@pytest.mark.parametrize("nasty", [ESCAPE, "\x9b31m", "\u202egnp.exe", "\x7f", "a\nb"])
def test_nothing_that_an_event_holds_reaches_a_terminal_raw(nasty: str) -> None:
    event = recorded(json.dumps({"title": nasty}, ensure_ascii=False), "CourseCreated", Meta(actor=f"operator:{nasty}"))
    for text in (event_line(event), *event_in_full(event).split("\n")):
        assert text.isprintable()


def test_what_is_printable_stays_as_it_is() -> None:
    assert printable("Grüße, 世界 👋") == "Grüße, 世界 👋"


def test_data_of_another_shape_are_shown_all_the_same() -> None:
    event = recorded('["odd", 1]', "Unheard")
    assert event_line(event).endswith('["odd", 1]')
    assert '  "odd",' in event_in_full(event).splitlines()


def test_json_is_one_line_with_the_data_as_the_log_holds_them() -> None:
    event = recorded('{"a" : 1.50,\r\n "b":"x\\ny"}', meta=Meta(actor="anonymous", traceparent="00-1-2-01"))
    line = json_line(event)
    assert line.splitlines() == [line]
    assert json.loads(line) == {
        "position": 9, "id": str(EVENT), "time": "2026-11-23T12:06:48.220171Z", "type": "MessageSent", "schema": 1,
        "stream": f"channel-{CHANNEL}", "version": 2, "topic": "mimo.messages", "partition": 3, "offset": 4,
        "key": str(CHANNEL), "actor": "anonymous", "correlation_id": None, "causation_id": None,
        "traceparent": "00-1-2-01", "data": {"a": 1.5, "b": "x\ny"},
    }  # fmt: skip
    assert '"a" : 1.50' in line, "numbers and spaces as they were"
    assert UUID(json.loads(line)["id"]) == EVENT


def test_the_operations_page_lists_the_fields_of_a_json_line() -> None:
    text = section(ROOT / "docs" / "operations.md", "Looking at events")
    names = [name for line in text.splitlines() if line.startswith("| `") for name in line.split("|")[1].split(", ")]
    assert [name.strip(" `") for name in names] == [field.name for field in msgspec.structs.fields(JsonEvent)]
