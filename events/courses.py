"""What happens to courses. Must not know who is enrolled or what is said in them."""

from __future__ import annotations

from typing import ClassVar
from uuid import UUID

from events.event import Contract, Event

TOPIC = "mimo.courses"


class CourseCreated(Event, frozen=True, kw_only=True):
    """Someone drafted a course and owns it."""

    contract: ClassVar = Contract("CourseCreated", "course", TOPIC, key="course_id")

    course_id: UUID
    owner_id: UUID
    title: str
    description: str
    tags: tuple[str, ...] = ()
    capacity: int | None = None
    """Seats; None: as many as come."""


class CourseChanged(Event, frozen=True, kw_only=True):
    """The owner changed what a course says about itself; carries the whole new text, not a difference."""

    contract: ClassVar = Contract("CourseChanged", "course", TOPIC, key="course_id")

    course_id: UUID
    title: str
    description: str
    tags: tuple[str, ...] = ()
    capacity: int | None = None


class CoursePublished(Event, frozen=True, kw_only=True):
    """A course opened for enrolment."""

    contract: ClassVar = Contract("CoursePublished", "course", TOPIC, key="course_id")

    course_id: UUID


class CourseArchived(Event, frozen=True, kw_only=True):
    """A course closed for enrolment for good; members keep what they have."""

    contract: ClassVar = Contract("CourseArchived", "course", TOPIC, key="course_id")

    course_id: UUID
