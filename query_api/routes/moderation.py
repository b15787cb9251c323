"""Who is muted and what was reported, for those who moderate: a course's owner and admins.

It must not know SQL nor how freshness is kept.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import FastAPI, Query

from events.errors import Forbidden, NotCaughtUp, NotFound
from events.messages import MessageEdited, MessageSent
from infra.web.answer import Ready
from infra.web.auth import Authenticated, Caller
from infra.web.lean import LeanRoute
from query_api import cursors, moderation_shapes, shapes
from query_api.answers import Composed
from query_api.asked import Asked, Asks
from query_api.cursors import After
from query_api.dependencies import DEFAULT_ROWS, Answering, AskingLog, CursorText, Limit
from query_api.reading import Reading
from query_api.routes.courses import is_admin, listed, visible_course
from query_api.views.channels import HOME
from query_api.views.messages import PAST, Place
from query_api.views.moderation import (
    MUTES,
    REPORT,
    REPORTS,
    REPORTS_OF_COURSE,
    MutedIn,
    Report,
    Wanted,
    WantedOf,
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


async def report(report_id: UUID, caller: Authenticated, answers: Answering, asked: Asks, log: AskingLog) -> Ready:
    """One report with what was reported, as it was said then; of direct channels for admins only."""

    async def compose(reading: Reading) -> Composed:
        found = await reading.one(REPORT, report_id)
        home = await reading.one(HOME, found["channel_id"]) if found else None
        if found is None or not (is_admin(caller) or (home is not None and home.owner_id == caller.user_id)):
            raise NotFound("There is no such report.")
        past = await reading.one(PAST, Place(found["channel_id"], found["message_id"]))
        if past is None:
            raise NotCaughtUp("The view of messages has not got so far yet.")
        said = [
            event.text
            for recorded, event in await log.opened_at(found["channel_id"], past.seqs)
            if isinstance(event, MessageSent | MessageEdited) and recorded.at <= found["reported_at"]
        ]
        return Composed(encoded(found | {"author_id": past.author_id, "text": said[-1] if said else None}))

    request = ("report", report_id, caller.user_id, is_admin(caller))
    return await answers.answer(asked, request, ("moderation", "messages"), compose)


def add_routes(app: FastAPI) -> None:
    """Adds the routes of this noun."""
    course = "/v1/courses/{course_id}"
    for path, endpoint, shape, codes in (
        (course + "/mutes", mutes, moderation_shapes.MuteList, ("forbidden", "not_found")),
        (course + "/reports", reports_of_course, moderation_shapes.ReportList, ("forbidden", "not_found")),
        ("/v1/reports", reports, moderation_shapes.ReportList, ("forbidden",)),
        ("/v1/reports/{report_id}", report, moderation_shapes.Reported, ("not_found",)),
    ):
        app.router.add_api_route(
            path,
            endpoint,
            response_model=shape,
            responses=shapes.reads(*codes),
            tags=["moderation"],
            route_class_override=LeanRoute,
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
