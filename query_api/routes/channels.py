"""Channels, for those who may read them, and what of them is new to whoever asks.

It must not know SQL, nor what is said there (messages.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from fastapi import FastAPI

from events.errors import NotAMember, NotFound
from infra.web.answer import Ready
from infra.web.auth import Authenticated, Caller
from infra.web.lean import LeanRoute
from query_api import channel_shapes, shapes
from query_api.answers import Composed
from query_api.asked import Asks
from query_api.dependencies import Answering
from query_api.reading import Reading
from query_api.routes.courses import is_admin
from query_api.views.channels import CHANNELS_OF, DIRECT_OF, HOME, IDS_OF, OWNED_BY, STANDING, Home, Stand, Standing
from query_api.views.courses import COURSE
from query_api.views.enrollments import COURSES_OF, MEMBER, Membership
from query_api.views.reading import MARKS_OF
from query_api.views.users import PERSON
from query_api.wire import encoded

BEHIND = ("courses", "enrollments", "messages", "reading", "users")

Room = tuple[Stand, Standing]
"""A channel and how somebody stands to it."""


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


async def my_channels(caller: Authenticated, answers: Answering, asked: Asks) -> Ready:
    """Everywhere that one may talk, and what of it is new: channels of one's courses, then direct ones."""
    user_id = caller.user_id

    async def compose(reading: Reading) -> Composed:
        enrolled, owned = await reading.one(COURSES_OF, user_id), await reading.one(OWNED_BY, user_id)
        joined = {**enrolled, **owned}
        courses = sorted(joined, key=lambda course_id: (joined[course_id], course_id))
        own = [channel_id for ids in await reading.many(IDS_OF, courses) for channel_id in ids]
        direct = await reading.one(DIRECT_OF, user_id)
        marks = await reading.one(MARKS_OF, user_id)
        stands = [Stand(channel_id, user_id, marks.get(channel_id, 0)) for channel_id in (*own, *direct)]
        found = list(zip(stands, await reading.many(STANDING, stands), strict=True))
        rooms = [(stand, standing) for stand, standing in found if standing is not None]
        rooms.sort(key=_latest_talk_last)
        return Composed(b'{"items":[%b],"next_cursor":null}' % b",".join(await _shown(reading, caller, rooms)))

    return await answers.answer(asked, ("my_channels", user_id, is_admin(caller)), BEHIND, compose)


async def channel(channel_id: UUID, caller: Authenticated, answers: Answering, asked: Asks) -> Ready:
    """One channel, and what of it is new."""
    user_id = caller.user_id

    async def compose(reading: Reading) -> Composed:
        await readable_channel(reading, caller, channel_id)
        marks = await reading.one(MARKS_OF, user_id)
        stand = Stand(channel_id, user_id, marks.get(channel_id, 0))
        standing = await reading.one(STANDING, stand)
        if standing is None:
            raise NotFound("There is no such channel.")
        (room,) = await _shown(reading, caller, [(stand, standing)])
        return Composed(room)

    return await answers.answer(asked, ("channel", channel_id, user_id, is_admin(caller)), BEHIND, compose)


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
    theirs = ("not_a_member", "not_found")
    for path, endpoint, shape, codes in (
        ("/v1/me/channels", my_channels, channel_shapes.RoomList, ()),
        ("/v1/channels/{channel_id}", channel, channel_shapes.Room, theirs),
        ("/v1/courses/{course_id}/channels", channels_of_course, shapes.ChannelList, theirs),
    ):
        app.router.add_api_route(
            path,
            endpoint,
            response_model=shape,
            responses=shapes.reads(*codes),
            tags=["channels"],
            route_class_override=LeanRoute,
        )


def _latest_talk_last(room: Room) -> float:
    """Sorts direct channels behind the others, which stay in their order, by when something was said there last."""
    standing = room[1]
    return -standing.latest_at.timestamp() if standing.home.people else float("-inf")


async def _shown(reading: Reading, caller: Caller, rooms: Sequence[Room]) -> list[bytes]:
    """Channels as the caller stands to them: their JSON."""
    courses = {standing.home.course_id: None for _, standing in rooms if standing.home.course_id is not None}
    titles = dict(zip(courses, await reading.many(COURSE, list(courses)), strict=True))
    others = {standing.home.other(caller.user_id): None for _, standing in rooms if standing.home.people}
    people = dict(zip(others, await reading.many(PERSON, list(others)), strict=True))
    shown = []
    for stand, standing in rooms:
        home = standing.home
        course = titles.get(home.course_id) if home.course_id else None
        other = home.other(caller.user_id) if home.people else None
        person = people.get(other) if other else None
        room = {
            "channel_id": stand.channel_id,
            "course_id": home.course_id,
            "course_title": course.title if course else None,
            "name": standing.name,
            "with": {"user_id": other, "display_name": person.display_name if person else None} if other else None,
            "opened_at": standing.opened_at,
            "last_seq": standing.last_seq,
            "message_count": standing.message_count,
            "read_number": stand.read_number,
            "unread": standing.unread,
            "unread_mentions": standing.unread_mentions,
            "moderator": home.course_id is not None and (home.owner_id == caller.user_id or is_admin(caller)),
        }
        shown.append(encoded(room))
    return shown
