"""The roster of a course, for its owner and admins. It must not know SQL nor how freshness is kept."""

from __future__ import annotations

from uuid import UUID

from fastapi import FastAPI

from events.errors import Forbidden
from infra.web.answer import Ready
from infra.web.auth import Authenticated
from infra.web.lean import LeanRoute
from query_api import cursors, shapes
from query_api.answers import Composed
from query_api.asked import Asks
from query_api.cursors import After
from query_api.dependencies import DEFAULT_ROWS, Answering, CursorText, Limit
from query_api.reading import Reading
from query_api.routes.courses import is_admin, listed, visible_course
from query_api.views.enrollments import PAGE_OF_ROSTER, Page
from query_api.views.users import PERSON
from query_api.wire import encoded

BEHIND = ("courses", "enrollments", "users")


async def roster(
    course_id: UUID,
    caller: Authenticated,
    answers: Answering,
    asked: Asks,
    cursor: CursorText = None,
    limit: Limit = DEFAULT_ROWS,
) -> Ready:
    """Who is enrolled, the latest first."""
    after = cursors.read(cursor, After) if cursor else After()

    async def compose(reading: Reading) -> Composed:
        course = await visible_course(reading, course_id, caller)
        if course.owner_id != caller.user_id and not is_admin(caller):
            raise Forbidden("Only the course's owner may see who is enrolled.")
        found = await reading.one(PAGE_OF_ROSTER, Page(course_id, after.at, after.id, limit + 1))
        page = found[:limit]
        people = await reading.many(PERSON, [enrollment.id for enrollment in page])
        items = []
        for enrollment, person in zip(page, people, strict=True):
            name = person.display_name if person else None
            shown = {"user_id": enrollment.id, "display_name": name, "enrolled_at": enrollment.enrolled_at}
            items.append(encoded(shown)[:-1])
        last = After(page[-1].enrolled_at, page[-1].id) if len(found) > limit else None
        return listed(asked, items, last)

    request = ("roster", course_id, after, limit, caller.user_id, is_admin(caller), asked.path, asked.query)
    return await answers.answer(asked, request, BEHIND, compose)


def add_routes(app: FastAPI) -> None:
    """Adds the routes of this noun."""
    app.router.add_api_route(
        "/v1/courses/{course_id}/enrollments",
        roster,
        response_model=shapes.Roster,
        responses=shapes.reads("forbidden", "not_found"),
        tags=["enrollments"],
        route_class_override=LeanRoute,
    )
