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
    """The course."""
    owner_id: UUID
    """Who drafted it, and may change it."""
    title: str
    """What it is called."""
    description: str
    """What it is about."""
    tags: tuple[str, ...] = ()
    """Words to find it by."""
    capacity: int | None = None
    """Seats; None: as many as come."""


class CourseChanged(Event, frozen=True, kw_only=True):
    """The owner changed what a course says about itself; carries the whole new text, not a difference."""

    contract: ClassVar = Contract("CourseChanged", "course", TOPIC, key="course_id")

    course_id: UUID
    """The course."""
    title: str
    """What it is called from now on."""
    description: str
    """What it is about."""
    tags: tuple[str, ...] = ()
    """Words to find it by."""
    capacity: int | None = None
    """Seats; None: as many as come. Who has a seat keeps it."""


class CoursePublished(Event, frozen=True, kw_only=True):
    """A course opened for enrolment."""

    contract: ClassVar = Contract("CoursePublished", "course", TOPIC, key="course_id")

    course_id: UUID
    """The course."""


class CourseArchived(Event, frozen=True, kw_only=True):
    """A course closed for enrolment for good; members keep what they have."""

    contract: ClassVar = Contract("CourseArchived", "course", TOPIC, key="course_id")

    course_id: UUID
    """The course."""
