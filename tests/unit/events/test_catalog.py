"""The catalogue: what goes in comes out, personal data leave it sealed only, and what cannot be read says so."""

import json
from typing import Any
from uuid import UUID

import msgspec
import pytest

from events import catalog
from events.catalog import BY_NAME, EVENTS, PERSONAL, TOPICS, decode, encode
from events.errors import Forbidden, UndecodableEvent
from events.event import Contract, Event, Personal, personal_fields
from events.messages import MessageSent
from infra.sealing import new_key
from tests.unit.events.examples import EVENT, EXAMPLES, OTHER, SECRETS, USER, ring

KEYS = {USER: new_key()}
every_example = pytest.mark.parametrize("event", EXAMPLES, ids=lambda event: event.contract.name)
personal_example = pytest.mark.parametrize(
    "event", [event for event in EXAMPLES if PERSONAL[event.contract.name]], ids=lambda event: event.contract.name
)


def test_every_event_class_has_an_example() -> None:
    assert [type(event) for event in EXAMPLES] == list(EVENTS)


def test_names_are_unique_and_the_topics_are_the_seven() -> None:
    assert len(BY_NAME) == len(EVENTS)
    nouns = ("users", "courses", "enrollments", "messages", "reading", "moderation", "operations")
    assert tuple(f"mimo.{noun}" for noun in nouns) == TOPICS


@every_example
def test_what_is_encoded_decodes_to_the_same(event: Event) -> None:
    text = encode(event, EVENT, ring(KEYS))
    assert decode(event.contract.name, event.contract.schema, text, EVENT, ring(KEYS)) == event


@every_example
def test_an_event_is_in_the_stream_of_its_key(event: Event) -> None:
    assert event.stream == f"{event.contract.stream}-{event.key}"
    assert UUID(event.key)


@every_example
def test_personal_text_never_appears_in_what_is_stored(event: Event) -> None:
    text = encode(event, EVENT, ring(KEYS))
    names = set(json.loads(text))
    assert not names & set(PERSONAL[event.contract.name])
    assert ("sealed" in names) == bool(PERSONAL[event.contract.name])
    assert not [secret for secret in SECRETS if secret in text or json.dumps(secret) in text]


@personal_example
def test_of_an_erased_person_only_the_erased_form_is_left(event: Event) -> None:
    text = encode(event, EVENT, ring(KEYS))
    erased = msgspec.structs.replace(event, **dict.fromkeys(PERSONAL[event.contract.name]))
    assert decode(event.contract.name, event.contract.schema, text, EVENT, ring()) == erased


@personal_example
def test_nothing_is_stored_about_someone_without_a_key(event: Event) -> None:
    with pytest.raises(Forbidden):
        encode(event, EVENT, ring())


@personal_example
def test_a_token_of_another_event_or_person_is_refused(event: Event) -> None:
    name, schema = event.contract.name, event.contract.schema
    text = encode(event, EVENT, ring(KEYS))
    with pytest.raises(UndecodableEvent):
        decode(name, schema, text, OTHER, ring(KEYS))
    moved = json.loads(text) | {event.contract.subject: str(OTHER)}
    both_keys = ring(KEYS | {OTHER: KEYS[USER]})
    with pytest.raises(UndecodableEvent):
        decode(name, schema, json.dumps(moved), EVENT, both_keys)


@personal_example
def test_a_changed_or_missing_token_is_refused(event: Event) -> None:
    data = json.loads(encode(event, EVENT, ring(KEYS)))
    token = data["sealed"]
    other = "A" if token[20] != "A" else "B"
    damages: list[Any] = [token[:-4], token[:20] + other + token[21:], "", "no base64!", 7, []]
    for damaged in damages:
        with pytest.raises(UndecodableEvent):
            decode(event.contract.name, 1, json.dumps(data | {"sealed": damaged}), EVENT, ring(KEYS))
    del data["sealed"]
    with pytest.raises(UndecodableEvent):
        decode(event.contract.name, 1, json.dumps(data), EVENT, ring(KEYS))


@pytest.mark.parametrize("schema", [0, 2, 99])
def test_a_schema_that_this_code_does_not_know_is_said(schema: int) -> None:
    with pytest.raises(UndecodableEvent, match=f"CoursePublished.*schema {schema}"):
        decode("CoursePublished", schema, "{}", EVENT, ring())


def test_a_name_that_this_code_does_not_know_is_said() -> None:
    with pytest.raises(UndecodableEvent, match="CourseExploded"):
        decode("CourseExploded", 1, "{}", EVENT, ring())


@pytest.mark.parametrize("data", ["", "null", "[]", "{}", '{"channel_id": 1}', '{"author_id": 5, "sealed": "AAAA"}'])
@pytest.mark.parametrize("name", ["MessageSent", "Enrolled"])
def test_data_of_another_shape_are_refused(name: str, data: str) -> None:
    with pytest.raises(UndecodableEvent):
        decode(name, 1, data, EVENT, ring(KEYS))


def test_a_refusal_never_repeats_personal_data() -> None:
    event = MessageSent(channel_id=OTHER, author_id=USER, text="the secret", client_message_id=None)
    data = json.loads(encode(event, EVENT, ring(KEYS)))
    data["channel_id"] = 5
    with pytest.raises(UndecodableEvent) as refused:
        decode("MessageSent", 1, json.dumps(data), EVENT, ring(KEYS))
    assert "the secret" not in str(refused.value)


def test_members_added_by_newer_code_are_passed_over() -> None:
    text = json.dumps({"course_id": str(OTHER), "colour": "blue"})
    assert decode("CoursePublished", 1, text, EVENT, ring()).key == str(OTHER)


class RoomRenamed(Event, frozen=True, kw_only=True):
    """A made-up event at its third schema: `title` was once `name`, and `by` was added."""

    contract = Contract("RoomRenamed", "room", "mimo.rooms", key="room_id", schema=3, subject="by")

    room_id: UUID
    by: UUID
    title: Personal


def first_to_second(data: dict[str, Any]) -> dict[str, Any]:
    """Version 2 says who did it; before, only the room's owner could."""
    return data | {"by": data["owner"]}


def second_to_third(data: dict[str, Any]) -> dict[str, Any]:
    """Version 3 calls the name a title and seals it; it was plain before."""
    return {"room_id": data["room_id"], "by": data["by"], "title": data["name"]}


@pytest.fixture
def room_renamed(monkeypatch: pytest.MonkeyPatch) -> None:
    name = RoomRenamed.contract.name
    monkeypatch.setitem(catalog.BY_NAME, name, RoomRenamed)
    monkeypatch.setitem(catalog.PERSONAL, name, personal_fields(RoomRenamed))
    monkeypatch.setitem(catalog.UPCASTERS, (name, 1), first_to_second)
    monkeypatch.setitem(catalog.UPCASTERS, (name, 2), second_to_third)


@pytest.mark.usefixtures("room_renamed")
def test_old_data_are_brought_to_the_present_schema_step_by_step() -> None:
    present = RoomRenamed(room_id=OTHER, by=USER, title="Attic")
    first = json.dumps({"room_id": str(OTHER), "owner": str(USER), "name": "Attic"})
    second = json.dumps({"room_id": str(OTHER), "by": str(USER), "name": "Attic"})
    third = encode(present, EVENT, ring(KEYS))
    for schema, text in ((1, first), (2, second), (3, third)):
        assert decode("RoomRenamed", schema, text, EVENT, ring(KEYS)) == present


@pytest.mark.usefixtures("room_renamed")
def test_a_missing_step_between_schemas_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(catalog.UPCASTERS, ("RoomRenamed", 2))
    with pytest.raises(UndecodableEvent, match="schema 2"):
        decode("RoomRenamed", 1, json.dumps({"owner": str(USER)}), EVENT, ring(KEYS))


@pytest.mark.usefixtures("room_renamed")
def test_an_upcaster_that_stumbles_makes_the_event_undecodable() -> None:
    with pytest.raises(UndecodableEvent, match="RoomRenamed v1"):
        decode("RoomRenamed", 1, "{}", EVENT, ring(KEYS))
