"""One's own sessions, read from the log itself: who lost a device must see at once what goes on and what has ended.

It must not know how sessions begin and end, nor tokens.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import cast

import asyncpg
from fastapi import FastAPI, Request

from events.errors import Overloaded
from infra.postgres import AWAY
from infra.web.answer import Ready
from infra.web.auth import Authenticated
from query_api import shapes
from query_api.desk import shown
from query_api.reading import ACQUIRE_SECONDS

SESSIONS = "select session_id, started_at, refreshed_at from log.sessions($1)"


async def sessions(request: Request, caller: Authenticated) -> Ready:
    """One's own sessions that go on, the newest first; all of them."""
    pool = cast("asyncpg.Pool", request.app.state.pool)
    try:
        async with pool.acquire(timeout=ACQUIRE_SECONDS) as connection:
            rows = await connection.fetch(SESSIONS, caller.user_id)
    except AWAY as error:
        raise Overloaded("The database does not answer now.") from error
    items = [
        {
            "session_id": row["session_id"],
            "started_at": row["started_at"],
            "refreshed_at": datetime.fromtimestamp(row["refreshed_at"], UTC),
            "current": row["session_id"] == caller.session_id,
        }
        for row in rows
    ]
    return shown({"items": items, "next_cursor": None})


def add_routes(app: FastAPI) -> None:
    """Adds the route."""
    app.router.add_api_route("/v1/me/sessions", sessions, response_model=shapes.SessionList, tags=["users"])
