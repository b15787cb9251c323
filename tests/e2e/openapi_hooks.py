"""What schemathesis loads (SCHEMATHESIS_HOOKS): how to sign in, and values that exist in place of made-up ones.

Its settings come from the environment: MIMO_TRIAL_COMMANDS, the address of the command API; MIMO_TRIAL_EMAIL, who
tries; MIMO_TRIAL_IDS, a JSON object from path parameters to ids; MIMO_TRIAL_BOOKMARK, a bookmark that the views have
reached. It must not judge any answer. What was made wrong on purpose stays wrong.
"""

import json
import os
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import httpx2
import schemathesis
from hypothesis import strategies as st

from query_api.cursors import After, Before, written
from query_api.routes.books import AfterKey
from query_api.routes.operations import Earlier

PASSWORD = "a trial of everything"

_commands = os.environ["MIMO_TRIAL_COMMANDS"]
_email = os.environ["MIMO_TRIAL_EMAIL"]
_ids: dict[str, list[str]] = json.loads(os.environ["MIMO_TRIAL_IDS"])
_bookmark = os.environ["MIMO_TRIAL_BOOKMARK"]
_cursors = [written(After()), written(After(datetime(2026, 1, 1, tzinfo=UTC), UUID(int=7)))]
_cursor_of_its_own = {
    "/messages": written(Before(5)),
    "/search/messages": written(After()),
    "/v1/operations": written(Earlier(5)),
    "/v1/parked": written(AfterKey("messages", 1)),
}
_tokens: set[str] = set()

Case = schemathesis.Case[Any]

schemathesis.openapi.format("cursor", st.sampled_from(_cursors))
schemathesis.openapi.format("password", st.uuids().map(str))


@schemathesis.auth(refresh_interval=600)
class SignedIn:
    """A session of the trial's person; a new one when the last has ended (logging out is tried as well)."""

    def get(self, _case: Case, _context: schemathesis.AuthContext) -> str:
        """Signs in."""
        token = _token_of(_email)
        _tokens.add(token)
        return token

    def set(self, case: Case, data: str, _context: schemathesis.AuthContext) -> None:
        """Uses the session."""
        case.headers["Authorization"] = f"Bearer {data}"


def _token_of(email: str) -> str:
    form = {"username": email, "password": PASSWORD}
    answer = httpx2.post(f"{_commands}/v1/auth/token", data=form).raise_for_status()
    return str(answer.json()["access_token"])


def _token_of_somebody_new() -> str:
    email = f"{uuid4()}@example.org"
    registration = {"email": email, "password": PASSWORD, "display_name": "Somebody"}
    httpx2.post(f"{_commands}/v1/users", json=registration).raise_for_status()
    return _token_of(email)


@schemathesis.hook
def map_path_parameters(_context: schemathesis.HookContext, path_parameters: dict[str, Any] | None) -> Any:
    """Puts ids of things that exist in the place of most made-up ones."""
    for name, value in (path_parameters or {}).items():
        known = _ids.get(name, [])
        if known and isinstance(value, str) and len(value) == 36:
            chosen = sum(value.encode()) % (len(known) + 1)  # the same for the same, so that failures can be shrunk
            if chosen < len(known):
                assert path_parameters is not None
                path_parameters[name] = known[chosen]
    return path_parameters


@schemathesis.hook
def before_call(context: schemathesis.HookContext, case: Case, _options: Any) -> None:
    """Uses every key once, a bookmark that this history has reached, and for each list its own kind of cursor.

    Who is erased is somebody new each time, for the trial's person is still needed.
    """
    erasing = context.operation is not None and context.operation.label == "DELETE /v1/me"
    if erasing and case.headers and str(case.headers.get("Authorization")).removeprefix("Bearer ") in _tokens:
        case.headers["Authorization"] = f"Bearer {_token_of_somebody_new()}"
    if case.meta is None or case.meta.generation.mode.is_negative:
        return
    for name in case.headers or ():
        if name.lower() == "idempotency-key":
            case.headers[name] = str(uuid4())
        elif name.lower() == "mimo-bookmark":
            case.headers[name] = _bookmark
    if isinstance(case.body, dict) and case.body.get("client_message_id"):
        case.body["client_message_id"] = str(uuid4())
    path = "" if context.operation is None else context.operation.path
    for end, cursor in _cursor_of_its_own.items():
        if path.endswith(end) and case.query and case.query.get("cursor"):
            case.query["cursor"] = cursor
