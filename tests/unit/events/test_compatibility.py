"""The compatibility gate: what was shipped still holds, every kind of break is caught, and what may be added may be."""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar
from uuid import UUID

import pytest

from events.catalog import UPCASTERS
from events.contract.compatibility import breaking_changes
from events.contract.schemas import Schema, event_schema
from events.enrollments import Enrolled
from events.event import Event
from tests.unit.events.shipped import PRESENT, SHIPPED, schemas_in, ship

Contract = dict[str, Schema]
Change = Callable[[Contract], object]
UUID_MEMBER = {"type": "string", "format": "uuid"}


def test_nothing_that_was_shipped_is_broken() -> None:
    assert breaking_changes(schemas_in(SHIPPED), schemas_in(PRESENT), UPCASTERS) == []


def test_everything_that_is_there_was_shipped_so_that_the_gate_watches_it() -> None:
    unwatched = breaking_changes(schemas_in(PRESENT), schemas_in(SHIPPED), UPCASTERS)
    assert not unwatched, "run: python -m tests.unit.events.shipped"


def properties(contract: Contract, name: str) -> dict[str, Any]:
    found: dict[str, Any] = contract[name]["properties"]
    return found


def fixed(contract: Contract, name: str) -> dict[str, Any]:
    found: dict[str, Any] = contract[name]["x-mimo"]
    return found


def second_version(contract: Contract, **changed: Any) -> None:
    """Enrolled gets a second version that says which way one came."""
    later = copy.deepcopy(contract["Enrolled.v1"]) | {"title": "app.mimo.Enrolled.v2"}
    later["properties"]["way"] = {"type": "string"}
    later["required"].append("way")
    later["x-mimo"].update(changed)
    contract["Enrolled.v2"] = later


def kept_version_removed(contract: Contract) -> None:
    second_version(contract)
    del contract["Enrolled.v1"]


def renamed(contract: Contract) -> None:
    members = properties(contract, "RoleGranted.v1")
    members["granted"] = members.pop("role")
    contract["RoleGranted.v1"]["required"] = ["user_id", "granted"]


def newly_personal(contract: Contract) -> None:
    del properties(contract, "CourseCreated.v1")["title"]
    contract["CourseCreated.v1"]["required"].remove("title")
    properties(contract, "CourseCreated.v1")["sealed"] = {"type": "string"}
    fixed(contract, "CourseCreated.v1")["personal"] = ["title"]


def no_longer_personal(contract: Contract) -> None:
    properties(contract, "UserRegistered.v1")["display_name"] = {"type": "string"}
    fixed(contract, "UserRegistered.v1")["personal"] = ["email"]


BREAKS: dict[str, tuple[Change, list[str]]] = {
    "an event is removed": (lambda c: c.pop("Enrolled.v1"), ["Enrolled.v1: is gone"]),
    "a kept version is removed": (
        kept_version_removed,
        ["Enrolled.v1: no upcaster leads", "Enrolled.v1: is gone"],
    ),
    "a field is removed": (
        lambda c: (properties(c, "Enrolled.v1").pop("user_id"), c["Enrolled.v1"]["required"].remove("user_id")),
        ["Enrolled.v1: `user_id` is gone"],
    ),
    "a field that may be missing is removed": (
        lambda c: properties(c, "CourseCreated.v1").pop("tags"),
        ["CourseCreated.v1: `tags` is gone"],
    ),
    "a field is renamed": (renamed, ["RoleGranted.v1: `role` is gone", "RoleGranted.v1: `granted` is new and must"]),
    "a required field is added": (
        lambda c: (
            properties(c, "Enrolled.v1").update(way={"type": "string"}),
            c["Enrolled.v1"]["required"].append("way"),
        ),
        ["Enrolled.v1: `way` is new and must be there"],
    ),
    "a field need not be there any more": (
        lambda c: c["Enrolled.v1"]["required"].remove("user_id"),
        ["Enrolled.v1: `user_id` may be missing now"],
    ),
    "a field must be there now": (
        lambda c: c["CourseCreated.v1"]["required"].append("tags"),
        ["CourseCreated.v1: `tags` must be there now"],
    ),
    "a default means something else": (
        lambda c: properties(c, "CourseCreated.v1")["capacity"].update(default=30),
        ["CourseCreated.v1: `capacity` meant None where it is missing, and now 30"],
    ),
    "a type is changed": (
        lambda c: properties(c, "CourseCreated.v1").update(title={"type": "integer"}),
        ["CourseCreated.v1: `title` was string and is integer"],
    ),
    "a type is narrowed": (
        lambda c: properties(c, "SessionEnded.v1").update(session_id=UUID_MEMBER),
        ["SessionEnded.v1: `session_id` was uuid or null and is uuid"],
    ),
    "a type is widened, which old consumers do not expect": (
        lambda c: properties(c, "Enrolled.v1").update(user_id={"anyOf": [UUID_MEMBER, {"type": "null"}]}),
        ["Enrolled.v1: `user_id` was uuid and is uuid or null"],
    ),
    "a format is changed": (
        lambda c: properties(c, "Enrolled.v1").update(user_id={"type": "string"}),
        ["Enrolled.v1: `user_id` was uuid and is string"],
    ),
    "a list holds something else": (
        lambda c: properties(c, "CourseCreated.v1")["tags"].update(items={"type": "integer"}),
        ["CourseCreated.v1: `tags` was list of string and is list of integer"],
    ),
    "a bound is changed": (
        lambda c: properties(c, "CourseCreated.v1")["title"].update(maxLength=5),
        ["CourseCreated.v1: `title` was {'type': 'string'} and is"],
    ),
    "an enumeration is narrowed": (
        lambda c: properties(c, "SessionEnded.v1")["reason"]["enum"].remove("logout"),
        ["SessionEnded.v1: `reason` cannot be 'logout' any more"],
    ),
    "an enumeration is widened": (
        lambda c: properties(c, "SessionEnded.v1")["reason"]["enum"].append("bored"),
        ["SessionEnded.v1: `reason` can be 'bored', which no consumer knows"],
    ),
    "a topic is changed": (
        lambda c: fixed(c, "Enrolled.v1").update(topic="mimo.courses"),
        ["Enrolled.v1: its topic was mimo.enrollments and is mimo.courses"],
    ),
    "a key is changed": (
        lambda c: fixed(c, "Enrolled.v1").update(key="user_id"),
        ["Enrolled.v1: its key was course_id and is user_id"],
    ),
    "a stream is changed": (
        lambda c: fixed(c, "Enrolled.v1").update(stream="course"),
        ["Enrolled.v1: its stream was enrollments and is course"],
    ),
    "another person's key seals": (
        lambda c: fixed(c, "MessageSent.v1").update(subject="channel_id"),
        ["MessageSent.v1: its subject was author_id and is channel_id"],
    ),
    "a type on the wire is changed": (
        lambda c: c["Enrolled.v1"].update(title="org.example.Enrolled.v1"),
        ["Enrolled.v1: its type was app.mimo.Enrolled.v1"],
    ),
    "a field becomes personal": (newly_personal, ["CourseCreated.v1: `title` became personal"]),
    "a field is not personal any more": (
        no_longer_personal,
        ["UserRegistered.v1: `display_name` is not personal any more"],
    ),
    "a personal field is added": (
        lambda c: fixed(c, "MessageSent.v1").update(personal=["text", "mood"]),
        ["MessageSent.v1: `mood` is new and personal"],
    ),
    "a personal field is removed": (
        lambda c: fixed(c, "UserRegistered.v1").update(personal=["email"]),
        ["UserRegistered.v1: `display_name` is gone"],
    ),
    "a new version has no upcaster": (second_version, ["Enrolled.v1: no upcaster leads to the next version"]),
    "a header is removed": (
        lambda c: (properties(c, "headers").pop("ce_mimooffset"), c["headers"]["required"].remove("ce_mimooffset")),
        ["headers: `ce_mimooffset` is gone"],
    ),
    "a header says something else": (
        lambda c: properties(c, "headers").update(ce_source={"const": "/other"}),
        ["headers: `ce_source` was `/mimo` and is `/other`"],
    ),
    "keys go to other partitions": (
        lambda c: fixed(c, "headers")["partition_of"].update(foobar=7),
        ["headers: its partition_of was"],
    ),
}


@pytest.mark.parametrize("what", BREAKS)
def test_a_break_is_caught_and_said_in_words(what: str) -> None:
    change, expected = BREAKS[what]
    shipped = schemas_in(SHIPPED)
    present = copy.deepcopy(shipped)
    change(present)
    found = breaking_changes(shipped, present, ())
    assert len(found) == len(expected), found
    assert all(text.startswith(start) for text, start in zip(found, expected, strict=True)), found


def test_a_version_may_not_move_to_another_topic() -> None:
    shipped = schemas_in(SHIPPED)
    present = copy.deepcopy(shipped)
    second_version(present, topic="mimo.courses")
    (found,) = breaking_changes(shipped, present, {("Enrolled", 1)})
    assert found == "Enrolled.v1: its topic was mimo.enrollments and is mimo.courses"


COMPATIBLE: dict[str, Change] = {
    "nothing": lambda c: None,
    "a new event": lambda c: c.update({"CourseRenamed.v1": c["CourseChanged.v1"]}),
    "a field that may be missing": lambda c: properties(c, "Enrolled.v1").update(
        way={"type": "string", "default": "link"}
    ),
    "a header that may be missing": lambda c: properties(c, "headers").update(ce_dataschema={"type": "string"}),
    "a new version with an upcaster": second_version,
    "other words": lambda c: (
        c["Enrolled.v1"].update(description="Somebody joined."),
        properties(c, "Enrolled.v1")["user_id"].update(description="Somebody."),
        c["headers"].update(title="What comes along"),
    ),
    "another order": lambda c: c["Enrolled.v1"].update(
        properties=dict(reversed(properties(c, "Enrolled.v1").items())), required=["user_id", "course_id"]
    ),
}


@pytest.mark.parametrize("what", COMPATIBLE)
def test_what_breaks_nobody_passes(what: str) -> None:
    shipped = schemas_in(SHIPPED)
    present = copy.deepcopy(shipped)
    COMPATIBLE[what](present)
    assert breaking_changes(shipped, present, {("Enrolled", 1)}) == []


class Joined(Event, frozen=True, kw_only=True):
    """As `Enrolled`, by somebody who did not know the rules."""

    contract: ClassVar = Enrolled.contract

    course_id: UUID
    user_id: str
    way: str
    seat: int | None = None


def test_what_is_written_into_a_class_is_what_the_gate_sees() -> None:
    present = schemas_in(SHIPPED) | {"Enrolled.v1": event_schema(Joined, {})}
    assert breaking_changes(schemas_in(SHIPPED), present, ()) == [
        "Enrolled.v1: `user_id` was uuid and is string",
        "Enrolled.v1: `way` is new and must be there: stored events do not have it; give it a default",
    ]


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """Present and shipped contracts, alike but for one event that is new."""
    present, shipped = tmp_path / "present", tmp_path / "shipped"
    for folder in (present, shipped):
        folder.mkdir()
        for name, schema in schemas_in(SHIPPED).items():
            (folder / f"{name}.json").write_text(json.dumps(schema))
    (shipped / "Enrolled.v1.json").unlink()
    return present, shipped


def test_what_is_new_is_shipped_by_an_explicit_step(folders: tuple[Path, Path]) -> None:
    present, shipped = folders
    assert ship(present, shipped) == []
    assert schemas_in(shipped) == schemas_in(present)


def test_what_breaks_is_not_shipped(folders: tuple[Path, Path]) -> None:
    present, shipped = folders
    (present / "Unenrolled.v1.json").unlink()
    before = schemas_in(shipped)
    assert ship(present, shipped) == ["Unenrolled.v1: is gone"]
    assert schemas_in(shipped) == before
