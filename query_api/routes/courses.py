"""Courses: the public catalogue, one course, and what one is enrolled in.

A course's own columns are ready bytes; how many are enrolled and whether the caller may join is put in when answering.
It must not know SQL nor how freshness is kept.
"""

from __future__ import annotations

from heapq import merge
from typing import Annotated
from uuid import UUID

from fastapi import FastAPI, Query

from events.errors import NotFound
from infra.web.answer import Ready
from infra.web.auth import Authenticated, Caller, MaybeAuthenticated
from infra.web.lean import LeanRoute
from query_api import cursors, shapes
from query_api.answers import Composed
from query_api.asked import Asked, Asks
from query_api.cursors import After
from query_api.dependencies import DEFAULT_ROWS, Answering, CursorText, Limit
from query_api.reading import Reading
from query_api.views.courses import COURSE, PAGE, Course, Filter
from query_api.views.enrollments import COUNT, COURSES_OF, MEMBER, PAGE_OF_PERSON, Membership, Page
from query_api.wire import encoded

BEHIND = ("courses", "enrollments")
NO_NUL = r"^[^\x00]*$"
MAX_QUERY_CHARACTERS = 200

SearchWords = Annotated[
    str | None,
    Query(max_length=MAX_QUERY_CHARACTERS, pattern=NO_NUL, description="Words of the title or the description."),
]
TagText = Annotated[
    str | None, Query(max_length=MAX_QUERY_CHARACTERS, pattern=NO_NUL, description="A tag it must have.")
]


async def courses(
    caller: MaybeAuthenticated,
    answers: Answering,
    asked: Asks,
    q: SearchWords = None,
    tag: TagText = None,
    cursor: CursorText = None,
    limit: Limit = DEFAULT_ROWS,
) -> Ready:
    """The catalogue: published courses and one's own drafts, newest first."""
    after = cursors.read(cursor, After) if cursor else None
    wanted = Filter((q or "").strip() or None, tag or None, (after.at, after.id) if after else None, limit + 1)
    user_id = caller.user_id if caller else None

    async def compose(reading: Reading) -> Composed:
        found = await reading.one(PAGE, wanted)
        if user_id is not None and (drafts := await reading.one(PAGE, wanted._replace(owner_id=user_id))):
            found = list(merge(found, drafts, key=lambda c: (c.created_at, c.course_id), reverse=True))
        page = found[:limit]
        counts = await reading.many(COUNT, [course.course_id for course in page])
        mine = await reading.one(COURSES_OF, user_id) if user_id else {}
        items = [
            seen_by(user_id, course, count, course.course_id in mine)
            for course, count in zip(page, counts, strict=True)
        ]
        last = After(page[-1].created_at, page[-1].course_id) if len(found) > limit else None
        return listed(asked, items, last)

    return await answers.answer(asked, ("courses", wanted, user_id, asked.path, asked.query), BEHIND, compose)


async def course(course_id: UUID, caller: MaybeAuthenticated, answers: Answering, asked: Asks) -> Ready:
    """One course. Drafts are for their owner and admins only."""
    user_id, admin = (caller.user_id, is_admin(caller)) if caller else (None, False)

    async def compose(reading: Reading) -> Composed:
        found = await visible_course(reading, course_id, caller)
        count = await reading.one(COUNT, course_id)
        enrolled = await reading.one(MEMBER, Membership(course_id, user_id)) if user_id else False
        return Composed(seen_by(user_id, found, count, enrolled) + b"}", version=f"{found.version}-")

    return await answers.answer(asked, ("course", course_id, user_id, admin), BEHIND, compose)


async def my_courses(
    caller: Authenticated,
    answers: Answering,
    asked: Asks,
    cursor: CursorText = None,
    limit: Limit = DEFAULT_ROWS,
) -> Ready:
    """What one is enrolled in, the latest first."""
    after = cursors.read(cursor, After) if cursor else After()
    user_id = caller.user_id

    async def compose(reading: Reading) -> Composed:
        found = await reading.one(PAGE_OF_PERSON, Page(user_id, after.at, after.id, limit + 1))
        page = found[:limit]
        ids = [enrollment.id for enrollment in page]
        items = []
        rows = zip(page, await reading.many(COURSE, ids), await reading.many(COUNT, ids), strict=True)
        for enrollment, row, count in rows:
            if row is not None:  # else its own view has not got so far yet
                enrolled_at = encoded(enrollment.enrolled_at)
                items.append(seen_by(user_id, row, count, True) + b',"enrolled_at":' + enrolled_at)
        last = After(page[-1].enrolled_at, page[-1].id) if len(found) > limit else None
        return listed(asked, items, last)

    return await answers.answer(asked, ("my_courses", user_id, after, limit, asked.path, asked.query), BEHIND, compose)


async def visible_course(reading: Reading, course_id: UUID, caller: Caller | None) -> Course:
    """A course that the caller may see.

    Raises:
        NotFound: there is none, or it was never published and is somebody else's.
    """
    found = await reading.one(COURSE, course_id)
    if found is None or not (
        found.ever_published or (caller and (found.owner_id == caller.user_id or is_admin(caller)))
    ):
        raise NotFound("There is no such course.")
    return found


def is_admin(caller: Caller) -> bool:
    """Whether the caller is an admin."""
    return "admin" in caller.roles


def why_not(user_id: UUID | None, course: Course, count: int, enrolled: bool) -> str | None:
    """Why someone cannot enrol, as the command would answer; None when they can."""
    if course.status != "published":
        return "course_not_open"
    if enrolled or user_id == course.owner_id:
        return "already_enrolled"
    if course.capacity is not None and count >= course.capacity:
        return "course_full"
    return "unauthenticated" if user_id is None else None


def seen_by(user_id: UUID | None, course: Course, count: int, enrolled: bool) -> bytes:
    """A course as someone sees it: its JSON object, still open at the end."""
    reason = why_not(user_id, course, count, enrolled)
    left = b"null" if course.capacity is None else b"%d" % max(0, course.capacity - count)
    return (
        b'%b,"enrolled_count":%d,"seats_left":%b,"can_enroll":true,"cannot_enroll_reason":null'
        % (course.head, count, left)
        if reason is None
        else b'%b,"enrolled_count":%d,"seats_left":%b,"can_enroll":false,"cannot_enroll_reason":"%b"'
        % (course.head, count, left, reason.encode())
    )


def listed(asked: Asked, items: list[bytes], last: cursors.Cursor | None) -> Composed:
    """A page from open JSON objects and where the next one begins."""
    inside = b"},".join(items) + (b"}" if items else b"")
    if last is None:
        return Composed(b'{"items":[%b],"next_cursor":null}' % inside)
    cursor = cursors.written(last)
    body = b'{"items":[%b],"next_cursor":"%b"}' % (inside, cursor.encode())
    return Composed(body, headers=[cursors.link(asked.path, asked.query, cursor)])


def add_routes(app: FastAPI) -> None:
    """Adds the routes of this noun."""
    for path, endpoint, shape, codes in (
        ("/v1/courses", courses, shapes.CourseList, ()),
        ("/v1/courses/{course_id}", course, shapes.Course, ("not_found",)),
        ("/v1/me/courses", my_courses, shapes.MyCourseList, ()),
    ):
        app.router.add_api_route(
            path,
            endpoint,
            response_model=shape,
            responses=shapes.reads(*codes),
            tags=["courses"],
            route_class_override=LeanRoute,
        )
