"""A course's life: draft, published, archived. It must not know who is enrolled."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal
from uuid import UUID

from command_api.domain.decision import Decision
from events.courses import CourseArchived, CourseChanged, CourseCreated, CoursePublished
from events.errors import Conflict, Forbidden, NotFound
from events.event import Event
from events.messages import ChannelOpened

FIRST_CHANNEL = "general"


@dataclass(frozen=True, slots=True)
class Text:
    """What a course says about itself. `capacity` is its number of seats, None for any number."""

    title: str
    description: str
    tags: tuple[str, ...]
    capacity: int | None


@dataclass(frozen=True, slots=True)
class Course:
    """A course as its events tell it."""

    course_id: UUID
    owner_id: UUID
    text: Text
    status: Literal["draft", "published", "archived"] = "draft"


@dataclass(frozen=True, slots=True)
class Someone:
    """Who acts. `rules_all`: an admin."""

    user_id: UUID
    rules_all: bool = False


def evolve(course: Course | None, event: Event) -> Course | None:
    """The course after one more event."""
    if isinstance(event, CourseCreated):
        text = Text(event.title, event.description, event.tags, event.capacity)
        return Course(event.course_id, event.owner_id, text)
    assert course is not None, "a course's stream begins with CourseCreated"
    if isinstance(event, CourseChanged):
        return replace(course, text=Text(event.title, event.description, event.tags, event.capacity))
    if isinstance(event, CoursePublished):
        return replace(course, status="published")
    if isinstance(event, CourseArchived):
        return replace(course, status="archived")
    return course


def fold(events: Iterable[Event]) -> Course | None:
    """A course from all its events; None when there are none."""
    course: Course | None = None
    for event in events:
        course = evolve(course, event)
    return course


def create(course_id: UUID, channel_id: UUID, owner_id: UUID, text: Text) -> Decision:
    """Someone drafts a course; it gets its first channel at once."""
    created = CourseCreated(
        course_id=course_id,
        owner_id=owner_id,
        title=text.title,
        description=text.description,
        tags=text.tags,
        capacity=text.capacity,
    )
    opened = ChannelOpened(channel_id=channel_id, course_id=course_id, owner_id=owner_id, name=FIRST_CHANNEL)
    return Decision((created, opened))


def change(course: Course | None, who: Someone, text: Text) -> Decision:
    """The owner changes what a course says about itself; the same text changes nothing.

    Raises:
        NotFound: there is no such course.
        Forbidden: it is someone else's.
        Conflict: it is archived.
    """
    course = _owned(course, who)
    if course.status == "archived":
        raise Conflict("An archived course cannot be changed any more.")
    if text == course.text:
        return Decision(())
    changed = CourseChanged(
        course_id=course.course_id,
        title=text.title,
        description=text.description,
        tags=text.tags,
        capacity=text.capacity,
    )
    return Decision((changed,))


def publish(course: Course | None, who: Someone) -> Decision:
    """A draft opens for enrolment.

    Raises:
        NotFound: there is no such course.
        Forbidden: it is someone else's.
        Conflict: it is not a draft any more.
    """
    course = _owned(course, who)
    if course.status != "draft":
        raise Conflict(f"This course is already {course.status}.")
    return Decision((CoursePublished(course_id=course.course_id),))


def archive(course: Course | None, who: Someone) -> Decision:
    """A course closes for enrolment for good.

    Raises:
        NotFound: there is no such course.
        Forbidden: it is someone else's.
        Conflict: it is archived already.
    """
    course = _owned(course, who)
    if course.status == "archived":
        raise Conflict("This course is already archived.")
    return Decision((CourseArchived(course_id=course.course_id),))


def _owned(course: Course | None, who: Someone) -> Course:
    if course is None:
        raise NotFound("There is no such course.")
    if course.owner_id != who.user_id and not who.rules_all:
        raise Forbidden("Only the course's owner may do this.")
    return course
