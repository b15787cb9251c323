"""What was said in channels, for those who may read there.

A message's own columns are ready bytes; the author's name is put in when answering. It must not know SQL nor how
freshness is kept.
"""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import FastAPI, Query

from events.errors import NotFound
from infra.web.answer import Ready
from infra.web.auth import Authenticated
from infra.web.lean import LeanRoute
from query_api import cursors, shapes
from query_api.answers import Composed
from query_api.asked import Asks
from query_api.cursors import Before
from query_api.dependencies import DEFAULT_ROWS, Answering, CursorText, Limit
from query_api.reading import Reading
from query_api.routes.channels import readable_channel
from query_api.routes.courses import is_admin
from query_api.views.messages import TIMELINE, Span
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
        await readable_channel(reading, caller, channel_id)
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


def add_routes(app: FastAPI) -> None:
    """Adds the routes of this noun."""
    answers = shapes.reads("not_a_member", "not_found")
    for path, endpoint, shape in (("/v1/channels/{channel_id}/messages", messages, shapes.MessageList),):
        app.router.add_api_route(
            path,
            endpoint,
            response_model=shape,
            responses=answers,
            tags=["messages"],
            route_class_override=LeanRoute,
        )
