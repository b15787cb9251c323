"""Live updates: the WebSocket, and the same events as a stream. It must not know how either is served."""

from __future__ import annotations

from typing import Annotated

from fastapi import FastAPI, Header, Query, Request
from starlette.responses import StreamingResponse
from starlette.websockets import WebSocket

from infra.web.application import problems
from infra.web.auth import Authenticated
from query_api.live.stream import MAX_CHANNELS, marks

MARK = r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}:[0-9]{1,18}"
Channels = Annotated[
    list[Annotated[str, Query(pattern=f"^{MARK}$")]],
    Query(
        min_length=1,
        max_length=MAX_CHANNELS,
        description="`<channel id>:<seq>`, once for each channel: every event after this seq.",
    ),
]
LastEventId = Annotated[
    str | None,
    Header(
        alias="Last-Event-ID",
        pattern=f"^{MARK}(,{MARK}){{0,{MAX_CHANNELS - 1}}}$",
        description="The `id` of the last event that was received.",
    ),
]
Presence = Annotated[bool, Query(description="Tell also who is in the channels.")]
HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


async def live(socket: WebSocket) -> None:
    """Serves `/v1/live` (docs/live.md)."""
    state = socket.app.state
    await state.live.converse(socket, state.authenticator)


async def live_events(
    request: Request,
    caller: Authenticated,
    channel: Channels,
    presence: Presence = False,
    last_event_id: LastEventId = None,
) -> StreamingResponse:
    """What happens in channels, as server-sent events; the WebSocket `/v1/live` tells the same."""
    after = marks(channel)
    if last_event_id:
        after |= {of: seq for of, seq in marks(last_event_id.split(",")).items() if of in after}
    state = request.app.state
    told = state.live.stream(caller, state.authenticator, after, presence=presence)
    return StreamingResponse(told, media_type="text/event-stream", headers=HEADERS)


def add_routes(app: FastAPI) -> None:
    """Adds the routes."""
    app.router.add_websocket_route("/v1/live", live)
    app.router.add_api_route(
        "/v1/live/events",
        live_events,
        response_class=StreamingResponse,
        responses={200: {"content": {"text/event-stream": {}}}, **problems("invalid_request")},
        tags=["live"],
    )
