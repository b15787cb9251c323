"""Creating, changing, publishing and archiving courses. Must not know the rules: `domain/courses.py` has them."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Annotated
from uuid import UUID

from fastapi import FastAPI, Header
from pydantic import Field

from command_api.answers import Accepted, accepted, id_in
from command_api.call import Call, Called
from command_api.domain import courses
from command_api.domain.courses import Course, Someone, Text
from command_api.domain.decision import Decision
from command_api.routes import add_command
from command_api.texts import Body, Capacity, Description, Tags, Title
from events.catalog import decode
from events.errors import Forbidden, MimoError, Refused, VersionConflict
from events.ports import Appended
from infra.ids import new_id
from infra.settings import CourseCreators
from infra.web.answer import Header as AnswerHeader
from infra.web.answer import Ready
from infra.web.auth import Authenticated, Caller

IfMatch = Annotated[
    str | None,
    Header(
        alias="If-Match",
        max_length=500,
        pattern=r"^[ -~]*$",
        description="The `ETag` that the course was read with: 412 if it was changed since.",
    ),
]
_ENTITY_TAG = re.compile(r'(?:W/)?"(\d{1,18})(?:-[^"]*)?"')


class NewCourse(Body):
    """A course to be drafted."""

    title: Title
    description: Description
    tags: Tags = Field(default_factory=list)
    capacity: Capacity | None = None


class CourseChange(Body):
    """What to change; what is left out stays as it is."""

    title: Title = Field(default_factory=str)
    description: Description = Field(default_factory=str)
    tags: Tags = Field(default_factory=list)
    capacity: Capacity | None = Field(default_factory=lambda: None)


class CourseDrafted(Accepted):
    """The new course and its first channel."""

    course_id: UUID
    channel_id: UUID


class CourseAccepted(Accepted):
    """Which course."""

    course_id: UUID


async def create_course(body: NewCourse, caller: Authenticated, call: Called) -> Ready:
    """Drafts a course; the caller owns it."""
    restricted = call.api.settings.course_creators is CourseCreators.INSTRUCTORS
    if restricted and caller.roles.isdisjoint(("instructor", "admin")):
        raise Forbidden("Only instructors may create courses here.")
    text = Text(body.title, body.description, tuple(dict.fromkeys(body.tags)), body.capacity)
    decision = courses.create(new_id(), new_id(), caller.user_id, text)
    appended = await call.api.write.once(call.intent(caller.actor, "create_course", body), decision, _unexpected)
    course, channel = (id_in(event.stream) for event in appended.events)
    ids = {"course_id": course, "channel_id": channel}
    location = (b"location", f"/v1/courses/{course}".encode())
    return accepted(201, appended, call.api.store.log_id, ids, (location, _etag(appended.events[0].version)))


async def change_course(
    course_id: UUID, body: CourseChange, caller: Authenticated, call: Called, if_match: IfMatch = None
) -> Ready:
    """Changes what a course says about itself; its owner or an admin."""
    given = {name: getattr(body, name) for name in body.model_fields_set}
    if "tags" in given:
        given["tags"] = tuple(dict.fromkeys(given["tags"]))

    def change(course: Course | None, who: Someone) -> Decision:
        text = replace(course.text, **given) if course else Text("", "", (), None)
        return courses.change(course, who, text)

    return await _decided(call, caller, course_id, change, f"change_course {course_id}", body, if_match)


async def publish_course(course_id: UUID, caller: Authenticated, call: Called, if_match: IfMatch = None) -> Ready:
    """Opens a draft for enrolment; its owner or an admin."""
    return await _decided(call, caller, course_id, courses.publish, f"publish_course {course_id}", None, if_match)


async def archive_course(course_id: UUID, caller: Authenticated, call: Called, if_match: IfMatch = None) -> Ready:
    """Closes a course for enrolment for good; its owner or an admin. Members keep what they have."""
    return await _decided(call, caller, course_id, courses.archive, f"archive_course {course_id}", None, if_match)


def add_routes(app: FastAPI) -> None:
    """Adds the routes."""
    add_command(app, "POST", "/v1/courses", create_course, answers=CourseDrafted, status=201, refusals=("forbidden",))
    path = "/v1/courses/{course_id}"
    owned = ("forbidden", "not_found", "conflict", "version_conflict")
    add_command(app, "PATCH", path, change_course, answers=CourseAccepted, refusals=owned)
    add_command(app, "POST", path + "/publish", publish_course, answers=CourseAccepted, refusals=owned)
    add_command(app, "POST", path + "/archive", archive_course, answers=CourseAccepted, refusals=owned)


async def _decided(
    call: Call,
    caller: Caller,
    course_id: UUID,
    rule: Callable[[Course | None, Someone], Decision],
    operation: str,
    body: Body | None,
    if_match: str | None,
) -> Ready:
    """Folds the course, applies a rule, appends under the version that was folded."""
    store, stream = call.api.store, f"course-{course_id}"
    who = Someone(caller.user_id, rules_all="admin" in caller.roles)
    versions = _versions(if_match)

    async def decide() -> Decision:
        recorded = await store.read_stream(stream)
        course = courses.fold(decode(e.type, e.schema, e.data, e.id, store.ring) for e in recorded)
        decision = rule(course, who)
        version = recorded[-1].version
        if versions is not None and version not in versions:
            raise VersionConflict
        return replace(decision, expected={stream: version})

    intent = call.intent(caller.actor, operation, body)
    appended = await call.api.write.decided(intent, decide, _unexpected, anew=versions is None)
    return accepted(200, appended, store.log_id, {"course_id": course_id}, _etags(appended))


def _versions(if_match: str | None) -> frozenset[int] | None:
    """The versions that a change is allowed on; None for any. The query API's ETags begin with the version."""
    if if_match is None or if_match.strip() == "*":
        return None
    return frozenset(int(tag) for tag in _ENTITY_TAG.findall(if_match))


def _etag(version: int) -> AnswerHeader:
    return (b"etag", b'"%d"' % version)


def _etags(appended: Appended) -> tuple[AnswerHeader, ...]:
    return (_etag(appended.events[-1].version),) if appended.events else ()


def _unexpected(refused: Refused) -> MimoError:
    return refused
