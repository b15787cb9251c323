"""Search in what was said, wherever one may read: in the channels of one's courses, and in direct ones.

Admins, too, find only what was said where they are members: to look into a channel they must go there. It must not know
SQL, nor what a word is (schema `search`).
"""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import FastAPI, Query

from events.errors import NotAMember
from infra.web.answer import Ready
from infra.web.auth import Authenticated, Caller
from infra.web.lean import LeanRoute
from query_api import cursors, shapes
from query_api.answers import Composed
from query_api.asked import Asks
from query_api.cursors import After
from query_api.dependencies import DEFAULT_ROWS, Answering, CursorText, Limit
from query_api.messages import items
from query_api.reading import Reading
from query_api.routes.channels import readable_channel
from query_api.routes.courses import MAX_QUERY_CHARACTERS, NO_NUL, is_admin
from query_api.views.channels import DIRECT_OF, IDS_OF, OWNED_BY
from query_api.views.enrollments import COURSES_OF
from query_api.views.messages import MESSAGE, Place
from query_api.views.search import FOUND, Wanted

BEHIND = ("search", "messages", "enrollments", "users")

Typed = Annotated[
    str,
    Query(
        max_length=MAX_QUERY_CHARACTERS,
        pattern=NO_NUL,
        description='What somebody types into a search box: words in any form, `"these words in this order"`, `-not`, '
        "`this or that`; the last word may be the beginning of one. Accents and capital letters do not matter.",
    ),
]


async def search_messages(
    caller: Authenticated,
    answers: Answering,
    asked: Asks,
    q: Typed,
    channel_id: Annotated[UUID | None, Query(description="Only in this channel.")] = None,
    course_id: Annotated[UUID | None, Query(description="Only in the channels of this course.")] = None,
    cursor: CursorText = None,
    limit: Limit = DEFAULT_ROWS,
) -> Ready:
    """Messages by their words, in several languages, wherever the caller may read; newest first."""
    after = cursors.read(cursor, After) if cursor else After()

    async def compose(reading: Reading) -> Composed:
        channels = await _channels(reading, caller, channel_id, course_id)
        found = await reading.one(FOUND, Wanted(q, channels, after.at, after.id, limit + 1))
        page = found[:limit]
        messages = await reading.many(MESSAGE, [Place(hit.channel_id, hit.message_id) for hit in page])
        # The view of messages may be ahead, and know what was deleted since; or behind, and not know it yet.
        shown = await items(reading, caller, [message for message in messages if message and message.has_text])
        if len(found) <= limit:
            return Composed(b'{"items":[%b],"next_cursor":null}' % shown)
        text = cursors.written(After(page[-1].sent_at, page[-1].message_id))
        body = b'{"items":[%b],"next_cursor":"%b"}' % (shown, text.encode())
        return Composed(body, headers=[cursors.link(asked.path, asked.query, text)])

    request = ("search", q, channel_id, course_id, after, limit, caller.user_id, is_admin(caller), asked.query)
    return await answers.answer(asked, request, BEHIND, compose)


async def _channels(
    reading: Reading, caller: Caller, channel_id: UUID | None, course_id: UUID | None
) -> tuple[UUID, ...]:
    """Where to look.

    Raises:
        NotFound: there is no such channel, as far as the caller may know.
        NotAMember: the caller is not in that course.
    """
    courses = {*await reading.one(COURSES_OF, caller.user_id), *await reading.one(OWNED_BY, caller.user_id)}
    if course_id is not None and course_id not in courses:
        raise NotAMember("Only members of the course can search in it; enrol first.")
    searched = sorted(courses) if course_id is None else [course_id]
    found = {channel for ids in await reading.many(IDS_OF, searched) for channel in ids}
    if course_id is None:
        direct = await reading.one(DIRECT_OF, caller.user_id)
        found.update(direct)
    if channel_id is None:
        return tuple(sorted(found))
    if channel_id in found:
        return (channel_id,)
    await readable_channel(reading, caller, channel_id)
    if course_id is None:
        raise NotAMember("Only members of the course can search in its channels; enrol first.")
    return ()


def add_routes(app: FastAPI) -> None:
    """Adds the route."""
    app.router.add_api_route(
        "/v1/search/messages",
        search_messages,
        response_model=shapes.FoundList,
        responses=shapes.reads("not_a_member", "not_found"),
        tags=["messages"],
        route_class_override=LeanRoute,
    )
