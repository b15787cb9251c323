"""Who is muted and what was reported, for those who moderate: a course's owner and admins.

It must not know SQL nor how freshness is kept.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Literal, cast
from uuid import UUID

import asyncpg
from fastapi import FastAPI, Query, Request

from events.errors import Forbidden, NotCaughtUp, NotFound, Overloaded
from infra.postgres import AWAY
from infra.web.answer import Ready
from infra.web.application import problems
from infra.web.auth import Authenticated, Caller
from infra.web.lean import LeanRoute
from query_api import cursors, moderation_shapes, shapes
from query_api.answers import Composed
from query_api.asked import Asked, Asks
from query_api.cursors import After
from query_api.dependencies import DEFAULT_ROWS, Answering, CursorText, Limit
from query_api.desk import shown
from query_api.reading import ACQUIRE_SECONDS, Reading
from query_api.reported import said_then
from query_api.routes.courses import is_admin, listed, visible_course
from query_api.views.moderation import (
    MUTES,
    REPORT,
    REPORTS,
    REPORTS_OF_COURSE,
    MutedIn,
    Report,
    Wanted,
    WantedOf,
    report_of,
)
from query_api.views.users import PERSON
from query_api.wire import encoded

Status = Annotated[
    Literal["open", "resolved"], Query(description="Those that wait for somebody, or those that were looked at.")
]


async def mutes(
    course_id: UUID,
    caller: Authenticated,
    answers: Answering,
    asked: Asks,
    cursor: CursorText = None,
    limit: Limit = DEFAULT_ROWS,
) -> Ready:
    """Who may only read in a course now, the latest first."""
    after = cursors.read(cursor, After) if cursor else After()
    now = datetime.now(UTC).replace(microsecond=0)  # an answer is kept for this second, for time alone ends mutes

    async def compose(reading: Reading) -> Composed:
        await _require_moderator(reading, caller, course_id)
        found = await reading.one(MUTES, MutedIn(course_id, now, after.at, after.id, limit + 1))
        page = found[:limit]
        people = await reading.many(PERSON, [mute.user_id for mute in page])
        items = []
        for mute, person in zip(page, people, strict=True):
            name = person.display_name if person else None
            items.append(encoded({"user_id": mute.user_id, "display_name": name} | mute._asdict())[:-1])
        last = After(page[-1].muted_at, page[-1].user_id) if len(found) > limit else None
        return listed(asked, items, last)

    request = ("mutes", course_id, now, after, limit, caller.user_id, is_admin(caller), asked.path, asked.query)
    return await answers.answer(asked, request, ("moderation", "courses", "users"), compose)


async def reports_of_course(
    course_id: UUID,
    caller: Authenticated,
    answers: Answering,
    asked: Asks,
    status: Status = "open",
    cursor: CursorText = None,
    limit: Limit = DEFAULT_ROWS,
) -> Ready:
    """What was reported in a course, the latest first."""
    after = cursors.read(cursor, After) if cursor else After()
    wanted = WantedOf(course_id, status == "open", after.at, after.id, limit + 1)

    async def compose(reading: Reading) -> Composed:
        await _require_moderator(reading, caller, course_id)
        return _page(asked, await reading.one(REPORTS_OF_COURSE, wanted), limit)

    request = ("reports_of_course", wanted, caller.user_id, is_admin(caller), asked.path, asked.query)
    return await answers.answer(asked, request, ("moderation", "courses"), compose)


async def reports(
    caller: Authenticated,
    answers: Answering,
    asked: Asks,
    status: Status = "open",
    cursor: CursorText = None,
    limit: Limit = DEFAULT_ROWS,
) -> Ready:
    """What was reported anywhere, also in direct channels, the latest first; for admins."""
    if not is_admin(caller):
        raise Forbidden("Only admins may see what was reported everywhere.")
    after = cursors.read(cursor, After) if cursor else After()
    wanted = Wanted(status == "open", after.at, after.id, limit + 1)

    async def compose(reading: Reading) -> Composed:
        return _page(asked, await reading.one(REPORTS, wanted), limit)

    return await answers.answer(asked, ("reports", wanted, asked.path, asked.query), ("moderation",), compose)


async def report(report_id: UUID, request: Request, caller: Authenticated) -> Ready:
    """One report with what was reported, as it was then; of direct channels for admins only."""
    pool = cast("asyncpg.Pool", request.app.state.pool)
    try:
        async with pool.acquire(timeout=ACQUIRE_SECONDS) as connection:
            row = await connection.fetchrow(REPORT, report_id)
            if row is None or not (is_admin(caller) or caller.user_id == row["owner_id"]):
                raise NotFound("There is no such report.")
            found = report_of(row)
            return shown(found | (await said_then(connection, found))._asdict())
    except asyncpg.UndefinedTableError:
        raise NotCaughtUp("The views of reports are not built yet.") from None
    except AWAY as error:
        raise Overloaded("The database does not answer now.") from error


def add_routes(app: FastAPI) -> None:
    """Adds the routes of this noun."""
    course = "/v1/courses/{course_id}"
    for path, endpoint, shape, codes in (
        (course + "/mutes", mutes, moderation_shapes.MuteList, ("forbidden", "not_found")),
        (course + "/reports", reports_of_course, moderation_shapes.ReportList, ("forbidden", "not_found")),
        ("/v1/reports", reports, moderation_shapes.ReportList, ("forbidden",)),
    ):
        app.router.add_api_route(
            path,
            endpoint,
            response_model=shape,
            responses=shapes.reads(*codes),
            tags=["moderation"],
            route_class_override=LeanRoute,
        )
    app.router.add_api_route(
        "/v1/reports/{report_id}",
        report,
        response_model=moderation_shapes.Reported,
        responses=problems("not_found", "not_caught_up"),
        tags=["moderation"],
    )


async def _require_moderator(reading: Reading, caller: Caller, course_id: UUID) -> None:
    """Returns when the caller owns the course or is an admin.

    Raises:
        NotFound: there is no such course, as far as the caller may know.
        Forbidden: it is somebody else's.
    """
    course = await visible_course(reading, course_id, caller)
    if course.owner_id != caller.user_id and not is_admin(caller):
        raise Forbidden("Only the course's owner may see this.")


def _page(asked: Asked, found: list[Report], limit: int) -> Composed:
    page = found[:limit]
    last = After(page[-1]["reported_at"], page[-1]["report_id"]) if len(found) > limit else None
    return listed(asked, [encoded(one)[:-1] for one in page], last)
