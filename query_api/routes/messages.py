"""Channels and what was said in them, for the members of the course.

A message's own columns are ready bytes; the author's name is put in when answering. It must not know SQL nor how
freshness is kept.
"""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import FastAPI, Query

from events.errors import NotAMember, NotFound
from infra.web.answer import Ready
from infra.web.auth import Authenticated, Caller
from infra.web.lean import LeanRoute
from query_api import cursors, shapes
from query_api.answers import Composed
from query_api.asked import Asks
from query_api.cursors import Before
from query_api.dependencies import DEFAULT_ROWS, Answering, CursorText, Limit
from query_api.reading import Reading
from query_api.routes.courses import is_admin
from query_api.views.enrollments import MEMBER, Membership
from query_api.views.messages import CHANNELS_OF, HOME, TIMELINE, Span
from query_api.views.users import PERSON

END = 2**62
NO_NAME = b"null"


async def messages(
    channel_id: UUID,
    caller: Authenticated,
    answers: Answering,
    asked: Asks,
    before_seq: Annotated[int, Query(ge=0, le=END, description="Only messages before this seq.")] = END,
    after_seq: Annotated[int, Query(ge=0, le=END, description="Only messages after this seq.")] = 0,
    cursor: CursorText = None,
    limit: Limit = DEFAULT_ROWS,
) -> Ready:
    """A channel's messages, newest first."""
    if cursor:
        before_seq = min(before_seq, cursors.read(cursor, Before).seq)
    span = Span(channel_id, before_seq, after_seq, limit + 1)

    async def compose(reading: Reading) -> Composed:
        home = await reading.one(HOME, channel_id)
        if home is None:
            raise NotFound("There is no such channel.")
        await require_member(reading, caller, home.course_id, home.owner_id)
        timeline = await reading.one(TIMELINE, span)
        if timeline is None:
            raise NotFound("There is no such channel.")
        page = timeline.messages[:limit]
        authors = list({message.author_id: None for message in page})
        names = {
            author_id: person.name_json if person else NO_NAME
            for author_id, person in zip(authors, await reading.many(PERSON, authors), strict=True)
        }
        items = b",".join([message.head + names[message.author_id] + message.tail for message in page])
        if len(timeline.messages) <= limit:
            return Composed(b'{"items":[%b],"next_cursor":null,"last_seq":%d}' % (items, timeline.last_seq))
        text = cursors.written(Before(page[-1].seq))
        body = b'{"items":[%b],"next_cursor":"%b","last_seq":%d}' % (items, text.encode(), timeline.last_seq)
        return Composed(body, headers=[cursors.link(asked.path, asked.query, text)])

    request = ("messages", span, caller.user_id, is_admin(caller), asked.path, asked.query)
    return await answers.answer(asked, request, ("messages", "enrollments", "users"), compose)


async def channels(course_id: UUID, caller: Authenticated, answers: Answering, asked: Asks) -> Ready:
    """The channels of a course, oldest first."""

    async def compose(reading: Reading) -> Composed:
        found = await reading.one(CHANNELS_OF, course_id)
        if not found:
            raise NotFound("There is no such course.")
        await require_member(reading, caller, course_id, found[0].owner_id)
        return Composed(b'{"items":[%b],"next_cursor":null}' % b",".join([channel.json for channel in found]))

    request = ("channels", course_id, caller.user_id, is_admin(caller))
    return await answers.answer(asked, request, ("messages", "enrollments"), compose)


async def require_member(reading: Reading, caller: Caller, course_id: UUID, owner_id: UUID) -> None:
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
    answers = shapes.reads("not_a_member", "not_found")
    for path, endpoint, shape in (
        ("/v1/courses/{course_id}/channels", channels, shapes.ChannelList),
        ("/v1/channels/{channel_id}/messages", messages, shapes.MessageList),
    ):
        app.router.add_api_route(
            path,
            endpoint,
            response_model=shape,
            responses=answers,
            tags=["messages"],
            route_class_override=LeanRoute,
        )
