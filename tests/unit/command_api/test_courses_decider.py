"""Given a course's events, when someone wants something, then these events or this refusal."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest

from command_api.domain import courses
from command_api.domain.courses import Someone, Text
from command_api.domain.decision import Decision
from events.courses import CourseArchived, CourseChanged, CourseCreated, CoursePublished
from events.errors import Conflict, Forbidden, MimoError, NotFound
from events.event import Event
from events.messages import ChannelOpened

COURSE, OWNER, CHANNEL = uuid4(), uuid4(), uuid4()
TEXT = Text("Algebra", "Letters", ("maths",), 30)
CREATED = CourseCreated(
    course_id=COURSE, owner_id=OWNER, title="Algebra", description="Letters", tags=("maths",), capacity=30
)
CHANGED = CourseChanged(course_id=COURSE, title="Geometry", description="", tags=(), capacity=None)
PUBLISHED, ARCHIVED = CoursePublished(course_id=COURSE), CourseArchived(course_id=COURSE)
OWN, STRANGER, ADMIN = Someone(OWNER), Someone(uuid4()), Someone(uuid4(), rules_all=True)


def changed(text: Text) -> Decision:
    return Decision(
        (
            CourseChanged(
                course_id=COURSE,
                title=text.title,
                description=text.description,
                tags=text.tags,
                capacity=text.capacity,
            ),
        )
    )


def test_creating_a_course_opens_its_first_channel() -> None:
    decision = courses.create(COURSE, CHANNEL, OWNER, TEXT)
    opened = ChannelOpened(channel_id=CHANNEL, course_id=COURSE, owner_id=OWNER, name="general")
    assert decision.events == (CREATED, opened)


@pytest.mark.parametrize("who", [OWN, ADMIN])
def test_a_draft_is_published_by_its_owner_or_an_admin(who: Someone) -> None:
    assert courses.publish(courses.fold([CREATED]), who).events == (PUBLISHED,)


@pytest.mark.parametrize(
    ("given", "refusal"),
    [([], NotFound), ([CREATED, PUBLISHED], Conflict), ([CREATED, ARCHIVED], Conflict)],
)
def test_only_a_draft_can_be_published(given: list[Event], refusal: type[MimoError]) -> None:
    with pytest.raises(refusal):
        courses.publish(courses.fold(given), OWN)


@pytest.mark.parametrize("given", [[CREATED], [CREATED, PUBLISHED]])
def test_drafts_and_published_courses_can_be_archived(given: list[Event]) -> None:
    assert courses.archive(courses.fold(given), OWN).events == (ARCHIVED,)


def test_an_archived_course_stays_as_it_is() -> None:
    course = courses.fold([CREATED, PUBLISHED, ARCHIVED])
    with pytest.raises(Conflict):
        courses.archive(course, OWN)
    with pytest.raises(Conflict):
        courses.change(course, OWN, TEXT)


def test_a_change_carries_the_whole_new_text() -> None:
    text = Text("Geometry", "", (), None)
    assert courses.change(courses.fold([CREATED]), OWN, text) == changed(text)
    assert courses.change(courses.fold([CREATED, CHANGED]), OWN, TEXT) == changed(TEXT)


def test_the_same_text_changes_nothing() -> None:
    assert courses.change(courses.fold([CREATED]), OWN, TEXT).events == ()
    assert courses.change(courses.fold([CREATED, CHANGED]), OWN, Text("Geometry", "", (), None)).events == ()


def test_strangers_can_do_nothing() -> None:
    course = courses.fold([CREATED])
    for rule in (courses.publish, courses.archive):
        with pytest.raises(Forbidden):
            rule(course, STRANGER)
    with pytest.raises(Forbidden):
        courses.change(course, STRANGER, TEXT)


def test_events_fold_into_a_status() -> None:
    assert courses.fold([]) is None
    for given, status in (
        ([CREATED], "draft"),
        ([CREATED, CHANGED, PUBLISHED], "published"),
        ([CREATED, PUBLISHED, ARCHIVED], "archived"),
    ):
        course = courses.fold(given)
        assert course is not None
        assert (course.status, course.course_id) == (status, UUID(str(COURSE)))
