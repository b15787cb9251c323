"""What the routes ask for beside parameters: the answers of this process, the log, and the parameters that lists share.

It must not know any route.
"""

from __future__ import annotations

from typing import Annotated, cast

from fastapi import Depends, Query, Request
from starlette.types import Scope

from infra.web.lean import Headers
from query_api.answers import Answers
from query_api.cursors import MAX_CHARACTERS
from query_api.live.channel_log import ChannelLog

DEFAULT_ROWS = 50
MAX_ROWS = 200

Limit = Annotated[int, Query(ge=1, le=MAX_ROWS, description="How many items at most.")]
CursorText = Annotated[
    str | None,
    Query(
        max_length=MAX_CHARACTERS,
        description="`next_cursor` of the page before; it means nothing to clients.",
        json_schema_extra={"format": "cursor"},
    ),
]


class _TheAnswers:
    """The dependency, in ordinary and in lean routes."""

    def __call__(self, request: Request) -> Answers:
        """The answers (FastAPI)."""
        return cast("Answers", request.app.state.answers)

    async def lean(self, scope: Scope, headers: Headers) -> Answers:  # noqa: ARG002
        """The answers (lean routes)."""
        return cast("Answers", scope["app"].state.answers)


Answering = Annotated[Answers, Depends(_TheAnswers())]


class _OwnLog:
    """The dependency, in ordinary and in lean routes."""

    def __call__(self, request: Request) -> ChannelLog:
        """The log, with keys of this answer only: who is erased has none for the next one (FastAPI)."""
        return ChannelLog(request.app.state.pool)

    async def lean(self, scope: Scope, headers: Headers) -> ChannelLog:  # noqa: ARG002
        """The same (lean routes)."""
        return ChannelLog(scope["app"].state.pool)


AskingLog = Annotated[ChannelLog, Depends(_OwnLog())]
