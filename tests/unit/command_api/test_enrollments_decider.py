"""When someone enrols or leaves, then these events, conditions and refusals."""

from __future__ import annotations

from uuid import uuid4

import pytest

from command_api.domain import enrollments
from events import claims
from events.enrollments import Enrolled, Unenrolled
from events.errors import AlreadyEnrolled, CourseFull, CourseNotOpen, MimoError, NotFound, Refused

COURSE, USER = uuid4(), uuid4()
SEAT, VOICE, OPEN = claims.seat(COURSE, USER), claims.voice(COURSE, USER), claims.course_open(COURSE)


def test_enrolling_needs_an_open_course() -> None:
    decision = enrollments.enroll(COURSE, USER)
    assert decision.events == (Enrolled(course_id=COURSE, user_id=USER),)
    assert decision.need == (OPEN,)


def test_leaving_needs_a_seat() -> None:
    decision = enrollments.unenroll(COURSE, USER)
    assert decision.events == (Unenrolled(course_id=COURSE, user_id=USER),)
    assert decision.need == (SEAT,)


@pytest.mark.parametrize(
    ("refused", "error"),
    [
        (Refused("missing", *OPEN), CourseNotOpen),
        (Refused("full", SEAT.scope), CourseFull),
        (Refused("taken", *SEAT), AlreadyEnrolled),
        (Refused("taken", *VOICE), AlreadyEnrolled),
        (Refused("unheard_of"), Refused),
    ],
)
def test_refusals_in_the_domains_words(refused: Refused, error: type[MimoError]) -> None:
    assert isinstance(enrollments.enroll_refused(refused, COURSE, USER), error)


def test_who_has_no_seat_cannot_leave() -> None:
    assert isinstance(enrollments.unenroll_refused(Refused("missing", *SEAT)), NotFound)
