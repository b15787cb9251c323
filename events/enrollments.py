"""Who joined and left which course. Must not know what courses or people look like."""

from __future__ import annotations

from typing import ClassVar
from uuid import UUID

from events.event import Contract, Event

TOPIC = "mimo.enrollments"


class Enrolled(Event, frozen=True, kw_only=True):
    """Someone took a seat in a course."""

    contract: ClassVar = Contract("Enrolled", "enrollments", TOPIC, key="course_id")

    course_id: UUID
    """The course."""
    user_id: UUID
    """Who joined."""


class Unenrolled(Event, frozen=True, kw_only=True):
    """Someone left a course and gave the seat back."""

    contract: ClassVar = Contract("Unenrolled", "enrollments", TOPIC, key="course_id")

    course_id: UUID
    """The course."""
    user_id: UUID
    """Who left."""
