"""Enrolling in a course and leaving it. Must not know the rules: `domain/enrollments.py` has them."""

from __future__ import annotations

from uuid import UUID

from fastapi import FastAPI

from command_api.answers import Accepted, accepted
from command_api.call import Called
from command_api.domain import enrollments
from command_api.routes import add_command
from events.errors import CourseNotOpen, NotFound
from infra.web.answer import Ready
from infra.web.auth import Authenticated


class EnrollmentAccepted(Accepted):
    """Who and where."""

    course_id: UUID
    user_id: UUID


async def enroll(course_id: UUID, caller: Authenticated, call: Called) -> Ready:
    """Takes a seat in a course for oneself."""
    user_id = caller.user_id
    intent = call.intent(caller.actor, f"enroll {course_id}")
    decision = enrollments.enroll(course_id, user_id)
    try:
        appended = await call.api.write.once(
            intent, decision, lambda refused: enrollments.enroll_refused(refused, course_id, user_id)
        )
    except CourseNotOpen:
        if await call.api.store.first(f"course-{course_id}") is None:
            raise NotFound("There is no such course.") from None
        raise
    return accepted(201, appended, call.api.store.log_id, {"course_id": course_id, "user_id": user_id})


async def unenroll(course_id: UUID, caller: Authenticated, call: Called) -> Ready:
    """Gives one's seat back."""
    user_id = caller.user_id
    intent = call.intent(caller.actor, f"unenroll {course_id}")
    decision = enrollments.unenroll(course_id, user_id)
    appended = await call.api.write.once(intent, decision, enrollments.unenroll_refused)
    return accepted(200, appended, call.api.store.log_id, {"course_id": course_id, "user_id": user_id})


def add_routes(app: FastAPI) -> None:
    """Adds the routes."""
    path = "/v1/courses/{course_id}/enrollments"
    full = ("not_found", "already_enrolled", "course_full", "course_not_open")
    add_command(app, "POST", path, enroll, answers=EnrollmentAccepted, status=201, refusals=full)
    add_command(app, "DELETE", path + "/me", unenroll, answers=EnrollmentAccepted, refusals=("not_found",))
