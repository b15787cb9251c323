"""Ending one of one's sessions, on whatever device it is. Must not know the rules: `signing_in.py` has them."""

from __future__ import annotations

from uuid import UUID

from fastapi import FastAPI

from command_api.answers import Accepted, accepted
from command_api.call import Called
from command_api.routes import add_command
from command_api.signing_in import end_session
from infra.web.answer import Ready
from infra.web.auth import Authenticated


class SessionGone(Accepted):
    """Which session ended."""

    session_id: UUID


async def end(session_id: UUID, caller: Authenticated, call: Called) -> Ready:
    """Ends one of one's sessions. Its access tokens stop working within a second."""
    intent = call.intent(caller.actor, f"end_session {session_id}")
    appended = await end_session(call.api, intent, caller.user_id, session_id)
    return accepted(200, appended, call.api.store.log_id, {"session_id": session_id})


def add_routes(app: FastAPI) -> None:
    """Adds the route."""
    add_command(app, "POST", "/v1/me/sessions/{session_id}/end", end, answers=SessionGone, refusals=("not_found",))
