"""The documents of the public contract: kept current, complete, and true to what is written to the log and to Kafka."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import jsonschema_rs
import pytest
from typer.testing import CliRunner, Result

from events import catalog
from events.catalog import EVENTS, PERSONAL, TOPICS
from events.cloudevents import history_header, to_headers
from events.contract import schemas as making
from events.contract.asyncapi import Distribution, asyncapi
from events.contract.documents import ASYNCAPI, PAGE, schema_file
from events.contract.examples import EXAMPLES, HISTORY, example_record
from events.contract.page import with_catalogue
from events.contract.schemas import DIALECT, HEADERS_NAME, Schema, all_schemas, event_schema, schema_name
from events.contract.texts import field_texts
from events.event import Contract, Event
from infra.kafka.topics import topic_settings
from mimo.cli import app
from mimo.contract import outdated
from tests.system import ROOT
from tests.unit.events.examples import SECRETS
from tests.unit.events.samples import Sample, samples

DOCS = ROOT / "docs"
every_event = pytest.mark.parametrize("event", EXAMPLES, ids=lambda event: event.contract.name)
every_sample = pytest.mark.parametrize("sample", samples(), ids=lambda sample: f"{sample.name}.v{sample.schema}")


def stored(name: str) -> Schema:
    """A schema as others get it."""
    schema: Schema = json.loads((DOCS / schema_file(name)).read_text())
    return schema


def validator(name: str) -> jsonschema_rs.Draft202012Validator:
    return jsonschema_rs.Draft202012Validator(stored(name), validate_formats=True)


def docs(*words: str) -> Result:
    return CliRunner().invoke(app, ["events", "docs", *words])


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The documents, to be spoilt."""
    shutil.copytree(DOCS / "events", tmp_path / "events")
    shutil.copy(DOCS / PAGE, tmp_path)
    return tmp_path


def test_the_documents_are_made_from_the_classes() -> None:
    assert not outdated(DOCS), "run: mimo events docs"


@pytest.mark.parametrize("name", [PAGE, ASYNCAPI, schema_file("MessageSent.v1"), schema_file(HEADERS_NAME)])
def test_a_document_that_was_changed_or_lost_is_said_and_made_again(copy: Path, name: str) -> None:
    path = copy / name
    right = path.read_text()
    path.write_text(right.replace("app.mimo.MessageSent.v1", "a new name").replace('"ce_mimolog"', '"ce_log"'))
    checked = docs("--check", "--folder", str(copy))
    assert checked.exit_code == 1
    assert name in checked.output.replace("\n", "")
    assert docs("--folder", str(copy)).exit_code == 0
    assert path.read_text() == right
    assert docs("--check", "--folder", str(copy)).exit_code == 0
    if name != PAGE:
        path.unlink()
        assert docs("--check", "--folder", str(copy)).exit_code == 1


def test_a_schema_of_no_event_is_not_left_lying_about(copy: Path) -> None:
    (copy / schema_file("CourseExploded.v1")).write_text("{}")
    assert "CourseExploded" in str(docs("--folder", str(copy)).exception)


@every_event
def test_every_event_has_a_valid_schema_of_the_present_dialect(event: Event) -> None:
    schema = stored(schema_name(event.contract.name, event.contract.schema))
    assert schema["$schema"] == DIALECT
    jsonschema_rs.meta.validate(schema)
    assert all(member["description"] for member in schema["properties"].values()), "say below the field what it means"


def test_the_schema_of_the_headers_is_valid() -> None:
    jsonschema_rs.meta.validate(stored(HEADERS_NAME))


@every_sample
def test_what_is_stored_is_what_its_schema_says(sample: Sample) -> None:
    validator(schema_name(sample.name, sample.schema)).validate(json.loads(sample.data))


Spoil = Callable[[dict[str, Any]], object]


@pytest.mark.parametrize(
    ("name", "spoil"),
    [
        ("MessageSent.v1", lambda data: data.pop("sealed")),
        ("MessageSent.v1", lambda data: data.update(channel_id="7")),
        ("CourseCreated.v1", lambda data: data.update(capacity="many")),
        ("CourseCreated.v1", lambda data: data.update(tags="maths")),
        ("SessionEnded.v1", lambda data: data.update(reason="bored")),
        ("SessionEnded.v1", lambda data: data.pop("session_id")),
    ],
)
def test_a_schema_refuses_what_it_does_not_say(name: str, spoil: Spoil) -> None:
    data = json.loads((ROOT / "tests" / "samples" / f"{name}.json").read_text())["data"]
    assert validator(name).is_valid(data)
    spoil(data)
    assert not validator(name).is_valid(data)


@every_event
def test_no_personal_field_is_a_property_but_the_token_tells_what_it_holds(event: Event) -> None:
    schema = stored(schema_name(event.contract.name, event.contract.schema))
    personal = PERSONAL[event.contract.name]
    assert not set(personal) & set(schema["properties"])
    assert ("sealed" in schema["properties"]) == bool(personal)
    if personal:
        assert all(f"`{name}`" in schema["properties"]["sealed"]["description"] for name in personal)
        assert "sealed" in schema["required"]


@every_event
def test_an_example_is_a_record_as_its_schemas_say_and_tells_nothing(event: Event) -> None:
    record = example_record(event)
    headers = {name: value.decode() for name, value in to_headers(record, history_header(HISTORY))}
    validator(HEADERS_NAME).validate(headers)
    validator(schema_name(event.contract.name, event.contract.schema)).validate(json.loads(record.data))
    assert not [secret for secret in SECRETS if secret in record.data]


def test_every_header_that_can_be_written_is_described() -> None:
    everything = {"actor": "a", "correlation_id": "b", "causation_id": "c", "traceparent": "d"}
    record = example_record(EXAMPLES[0])
    written = to_headers(type(record)(**{**_fields(record), "meta": json.dumps(everything)}), b"history")
    schema = stored(HEADERS_NAME)
    assert [name for name, _ in written] == list(schema["properties"])
    least = to_headers(type(record)(**{**_fields(record), "meta": '{"actor": "a"}'}), b"history")
    assert [name for name, _ in least] == schema["required"]


def _fields(record: Any) -> dict[str, Any]:
    return {name: getattr(record, name) for name in record.__struct_fields__}


def test_the_asyncapi_document_has_every_topic_and_event_once() -> None:
    document = json.loads((DOCS / ASYNCAPI).read_text())
    assert [channel["address"] for channel in document["channels"].values()] == list(TOPICS)
    named = [name for channel in document["channels"].values() for name in channel["messages"]]
    assert sorted(named) == sorted(schema_name(e.contract.name, e.contract.schema) for e in EVENTS)


def test_no_real_host_is_named() -> None:
    servers = json.loads((DOCS / ASYNCAPI).read_text())["servers"].values()
    assert {server["host"] for server in servers} == {"{host}:{port}"}
    assert {server["variables"]["host"]["default"] for server in servers} == {"localhost"}


def test_the_page_says_of_every_event_what_others_need() -> None:
    page = (DOCS / PAGE).read_text()
    for event in EVENTS:
        section = page.partition(f"### {event.contract.name}\n")[2].partition("\n#")[0]
        assert (event.__doc__ or "").split("\n", maxsplit=1)[0] in section
        assert f"stream `{event.contract.stream}-<{event.contract.key}>`, key `{event.contract.key}`" in section
        assert f"app.mimo.{event.contract.name}.v{event.contract.schema}" in section


class RoomOpened(Event, frozen=True, kw_only=True):
    """A made-up event at its second version."""

    contract = Contract("RoomOpened", "room", "mimo.rooms", key="room_id", schema=2)

    room_id: UUID


@pytest.fixture
def room_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(making, "EVENTS", (RoomOpened,))
    monkeypatch.setattr("events.contract.asyncapi.TOPICS", ("mimo.rooms",))
    monkeypatch.setitem(catalog.PERSONAL, "RoomOpened", ())


@pytest.mark.usefixtures("room_opened")
def test_earlier_versions_are_kept_and_stay_in_the_documents() -> None:
    assert making.earlier_names() == ("RoomOpened.v1",)
    first = event_schema(RoomOpened, {}) | {"title": "app.mimo.RoomOpened.v1"}
    schemas = all_schemas({}, {"RoomOpened.v1": first})
    assert list(schemas) == [HEADERS_NAME, "RoomOpened.v1", "RoomOpened.v2"]
    assert schemas["RoomOpened.v1"] == first
    document = asyncapi("1", schemas, Distribution(3, topic_settings(1)))
    assert list(document["channels"]["rooms"]["messages"]) == ["RoomOpened.v1", "RoomOpened.v2"]


def test_a_kept_schema_that_is_lost_is_said(monkeypatch: pytest.MonkeyPatch, copy: Path) -> None:
    monkeypatch.setattr("mimo.contract.earlier_names", lambda: ("RoomOpened.v1",))
    assert "RoomOpened.v1.json" in str(docs("--check", "--folder", str(copy)).exception)


def test_only_what_stands_between_the_marks_is_made() -> None:
    page = (DOCS / PAGE).read_text()
    schemas = {path.stem: json.loads(path.read_text()) for path in (DOCS / "events" / "schemas").iterdir()}
    assert with_catalogue(f"Before.\n{page}\nAfter.", schemas) == f"Before.\n{page}\nAfter."


def test_the_string_below_a_field_is_what_it_means() -> None:
    source = '''
class Shouted(Event):
    """Somebody shouted."""
    contract: ClassVar = Contract()
    text: str
    """What they
    shouted."""
    loud: bool = True
    """Whether it was heard."""
    silent: int
    def method(self): "not a field"
'''
    assert field_texts([source]) == {"Shouted": {"text": "What they shouted.", "loud": "Whether it was heard."}}
