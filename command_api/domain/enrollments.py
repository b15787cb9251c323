"""Taking and giving back a seat in a course. It must not know what courses look like.

Everything that matters is a claim, checked when the event is appended: enrolling reads nothing.
"""

from __future__ import annotations

from uuid import UUID

from command_api.domain.decision import Decision
from events import claims
from events.enrollments import Enrolled, Unenrolled
from events.errors import AlreadyEnrolled, CourseFull, CourseNotOpen, MimoError, NotFound, Refused


def enroll(course_id: UUID, user_id: UUID) -> Decision:
    """Someone takes a seat; the course must be open. The event takes the seat and a voice in the channels."""
    event = Enrolled(course_id=course_id, user_id=user_id)
    return Decision((event,), need=(claims.course_open(course_id),))


def enroll_refused(refused: Refused, course_id: UUID, user_id: UUID) -> MimoError:
    """Why there was no seat."""
    if refused.reason == "missing":
        return CourseNotOpen()
    if refused.reason == "full":
        return CourseFull()
    if refused.reason != "taken":
        return refused
    if refused.scope == claims.seat(course_id, user_id).scope:
        return AlreadyEnrolled()
    return AlreadyEnrolled("You own this course and are a member already.")


def unenroll(course_id: UUID, user_id: UUID) -> Decision:
    """Someone gives their seat back."""
    event = Unenrolled(course_id=course_id, user_id=user_id)
    return Decision((event,), need=(claims.seat(course_id, user_id),))


def unenroll_refused(refused: Refused) -> MimoError:
    """Why there was no seat to give back."""
    return NotFound("You are not enrolled in this course.") if refused.reason == "missing" else refused
