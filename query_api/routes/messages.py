"""What was said in channels, for those who may read there. It must not know SQL nor how freshness is kept."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import FastAPI, Query

from events.errors import Forbidden, NotFound
from events.event import Event
from events.messages import MessageDeleted, MessageEdited, MessageSent
from events.recorded import Recorded
from infra.web.answer import Ready
from infra.web.auth import Authenticated
from infra.web.lean import LeanRoute
from query_api import cursors, shapes
from query_api.answers import Composed
from query_api.asked import Asks
from query_api.cursors import Before
from query_api.dependencies import DEFAULT_ROWS, Answering, AskingLog, CursorText, Limit
from query_api.messages import items
from query_api.reading import Reading
from query_api.routes.channels import readable_channel
from query_api.routes.courses import is_admin
from query_api.views.messages import MESSAGE, PAST, THREAD, TIMELINE, Place, Replies, Span
from query_api.wire import encoded

END = 2**62
BEHIND = ("messages", "enrollments", "users")


async def messages(
    channel_id: UUID,
    caller: Authenticated,
    answers: Answering,
    asked: Asks,
    before_seq: Annotated[int, Query(ge=0, le=END, description="Only messages before this seq.")] = END,
    after_seq: Annotated[int, Query(ge=0, le=END, description="Only messages after this seq.")] = 0,
    thread: Annotated[UUID | None, Query(description="Only replies to this message.")] = None,
    cursor: CursorText = None,
    limit: Limit = DEFAULT_ROWS,
) -> Ready:
    """A channel's messages, newest first; replies stand among them."""
    if cursor:
        before_seq = min(before_seq, cursors.read(cursor, Before).seq)
    span = Span(channel_id, before_seq, after_seq, limit + 1)
    replies = Replies(*span, thread) if thread else None

    async def compose(reading: Reading) -> Composed:
        await readable_channel(reading, caller, channel_id)
        timeline = await (reading.one(THREAD, replies) if replies else reading.one(TIMELINE, span))
        if timeline is None:
            raise NotFound("There is no such channel.")
        page = timeline.messages[:limit]
        shown = await items(reading, caller, page)
        if len(timeline.messages) <= limit:
            return Composed(b'{"items":[%b],"next_cursor":null,"last_seq":%d}' % (shown, timeline.last_seq))
        text = cursors.written(Before(page[-1].seq))
        body = b'{"items":[%b],"next_cursor":"%b","last_seq":%d}' % (shown, text.encode(), timeline.last_seq)
        return Composed(body, headers=[cursors.link(asked.path, asked.query, text)])

    request = ("messages", replies or span, caller.user_id, is_admin(caller), asked.path, asked.query)
    return await answers.answer(asked, request, BEHIND, compose)


async def message(channel_id: UUID, message_id: UUID, caller: Authenticated, answers: Answering, asked: Asks) -> Ready:
    """One message, deleted or not."""
    place = Place(channel_id, message_id)

    async def compose(reading: Reading) -> Composed:
        await readable_channel(reading, caller, channel_id)
        found = await reading.one(MESSAGE, place)
        if found is None:
            raise NotFound("There is no such message in this channel.")
        return Composed(await items(reading, caller, [found]))

    return await answers.answer(asked, ("message", place, caller.user_id, is_admin(caller)), BEHIND, compose)


async def history(
    channel_id: UUID, message_id: UUID, caller: Authenticated, answers: Answering, asked: Asks, log: AskingLog
) -> Ready:
    """What a message was before: what was sent, edited and deleted. For the course's owner and admins."""
    place = Place(channel_id, message_id)

    async def compose(reading: Reading) -> Composed:
        home = await readable_channel(reading, caller, channel_id)
        if home.owner_id != caller.user_id and not is_admin(caller):
            raise Forbidden("Only the course's owner and admins may see what a message was before.")
        past = await reading.one(PAST, place)
        if past is None:
            raise NotFound("There is no such message in this channel.")
        events = [_happened(*opened) for opened in await log.opened_at(channel_id, past.seqs)]
        return Composed(b'{"items":%b,"next_cursor":null}' % encoded(events))

    request = ("message_history", place, caller.user_id, is_admin(caller))
    return await answers.answer(asked, request, ("messages", "enrollments"), compose)


def _happened(recorded: Recorded, event: Event) -> dict[str, Any]:
    said = event if isinstance(event, MessageSent | MessageEdited) else None
    by = event.deleted_by if isinstance(event, MessageDeleted) else None
    return {
        "seq": recorded.version,
        "at": recorded.at,
        "event": recorded.type,
        "user_id": said.author_id if said else by,
        "text": said.text if said else None,
    }


def add_routes(app: FastAPI) -> None:
    """Adds the routes of this noun."""
    path = "/v1/channels/{channel_id}/messages"
    for more, endpoint, shape, refusals in (
        ("", messages, shapes.MessageList, ()),
        ("/{message_id}", message, shapes.Message, ()),
        ("/{message_id}/history", history, shapes.MessageHistory, ("forbidden",)),
    ):
        app.router.add_api_route(
            path + more,
            endpoint,
            response_model=shape,
            responses=shapes.reads(*refusals, "not_a_member", "not_found"),
            tags=["messages"],
            route_class_override=LeanRoute,
        )
