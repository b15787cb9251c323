"""Channels, for those who may read them. It must not know SQL, nor what is said there (messages.py)."""

from __future__ import annotations

from uuid import UUID

from fastapi import FastAPI

from events.errors import NotAMember, NotFound
from infra.web.answer import Ready
from infra.web.auth import Authenticated, Caller
from infra.web.lean import LeanRoute
from query_api import shapes
from query_api.answers import Composed
from query_api.asked import Asks
from query_api.dependencies import Answering
from query_api.reading import Reading
from query_api.routes.courses import is_admin
from query_api.views.channels import CHANNELS_OF, HOME, Home
from query_api.views.enrollments import MEMBER, Membership


async def channels_of_course(course_id: UUID, caller: Authenticated, answers: Answering, asked: Asks) -> Ready:
    """The channels of a course, oldest first."""

    async def compose(reading: Reading) -> Composed:
        found = await reading.one(CHANNELS_OF, course_id)
        if not found:
            raise NotFound("There is no such course.")
        await require_member(reading, caller, course_id, found[0].owner_id)
        return Composed(b'{"items":[%b],"next_cursor":null}' % b",".join([channel.json for channel in found]))

    request = ("channels", course_id, caller.user_id, is_admin(caller))
    return await answers.answer(asked, request, ("messages", "enrollments"), compose)


async def readable_channel(reading: Reading, caller: Caller, channel_id: UUID) -> Home:
    """Who a channel belongs to, when the caller may read it: members of its course and admins, or the two.

    Of a direct channel nobody else is told that it is there, for its id follows from the two people.

    Raises:
        NotFound: there is no such channel, as far as the caller may know.
        NotAMember: the caller is not in its course.
    """
    home = await reading.one(HOME, channel_id)
    if home is None or (home.course_id is None and caller.user_id not in home.people):
        raise NotFound("There is no such channel.")
    if home.course_id is not None:
        await require_member(reading, caller, home.course_id, home.owner_id)
    return home


async def require_member(reading: Reading, caller: Caller, course_id: UUID, owner_id: UUID | None) -> None:
    """Returns when the caller is enrolled in the course, owns it or is an admin.

    Raises:
        NotAMember: none of these.
    """
    if caller.user_id == owner_id or is_admin(caller):
        return
    if not await reading.one(MEMBER, Membership(course_id, caller.user_id)):
        raise NotAMember("Only members of the course can read this; enrol first.")


def add_routes(app: FastAPI) -> None:
    """Adds the routes of this noun."""
    app.router.add_api_route(
        "/v1/courses/{course_id}/channels",
        channels_of_course,
        response_model=shapes.ChannelList,
        responses=shapes.reads("not_a_member", "not_found"),
        tags=["channels"],
        route_class_override=LeanRoute,
    )
