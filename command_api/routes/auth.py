"""Signing in, refreshing, signing out, and the public keys. Must not know the rules: `signing_in.py` has them.

The token endpoints take forms, as OAuth 2 has it, so that /docs can authorise; they are ordinary FastAPI routes.
"""

from __future__ import annotations

import re
from typing import Annotated, Literal
from uuid import UUID

import orjson
from fastapi import FastAPI, Form, Query
from pydantic import BaseModel, ConfigDict, Field

from command_api import limits
from command_api.answers import Accepted, accepted, bookmark_headers
from command_api.call import Call, Called, CalledWithoutKey
from command_api.domain.sessions import MAX_TOKEN_CHARACTERS
from command_api.routes import add_command
from command_api.signing_in import Grant, refresh, sign_in, sign_out
from infra.web.answer import Ready
from infra.web.application import problems
from infra.web.auth import Authenticated
from infra.web.limits import address_of

JWKS_SECONDS = 300
_SESSION = re.compile(r"[0-9a-f-]{36}")
"""Tokens of made-up sessions are counted together."""


class Credentials(BaseModel):
    """An OAuth 2 password grant; `username` is the e-mail address. Client credentials are not looked at."""

    model_config = ConfigDict(extra="forbid")

    username: str = Field(min_length=1, max_length=1_024)
    password: str = Field(min_length=1, max_length=1_024)
    grant_type: Literal["password"] = "password"
    scope: str = Field("", max_length=1_024)
    client_id: str | None = Field(None, max_length=1_024)
    client_secret: str | None = Field(None, max_length=1_024)


class RefreshRequest(BaseModel):
    """An OAuth 2 refresh grant."""

    model_config = ConfigDict(extra="forbid")

    refresh_token: str = Field(min_length=1, max_length=MAX_TOKEN_CHARACTERS)
    grant_type: Literal["refresh_token"] = "refresh_token"
    client_id: str | None = Field(None, max_length=1_024)
    client_secret: str | None = Field(None, max_length=1_024)


class TokenAnswer(BaseModel):
    """The tokens of a session (RFC 6749, section 5.1)."""

    access_token: str
    token_type: Literal["bearer"]
    expires_in: int = Field(description="Seconds.")
    refresh_token: str


class SignedOut(Accepted):
    """The session that asked for it."""

    session_id: UUID


class KeySet(BaseModel):
    """A JSON Web Key Set (RFC 7517)."""

    keys: list[dict[str, str | list[str]]]


async def token(form: Annotated[Credentials, Form()], call: CalledWithoutKey) -> Ready:
    """Signs in with e-mail address and password. Takes the form of an OAuth 2 password grant."""
    api = call.api
    account = api.secrets.email_hmac(form.username)
    await api.limits.hit(
        (limits.LOGIN_PER_ADDRESS, address_of(call.scope)),
        (limits.LOGIN_PER_ACCOUNT, account),
        (limits.LOGIN_PER_ACCOUNT_AND_HOUR, account),
    )
    return _tokens(call, await sign_in(api, call.meta("anonymous"), form.username, form.password))


async def refresh_token(form: Annotated[RefreshRequest, Form()], call: CalledWithoutKey) -> Ready:
    """Exchanges a refresh token for a new pair. A refresh token is good once; reuse ends the session.

    The answer may get lost: for ten seconds the same token gives the same new one again.
    """
    session = form.refresh_token.partition(".")[0]
    counted = session if _SESSION.fullmatch(session) else "none"
    await call.api.limits.hit(
        (limits.REFRESH_PER_ADDRESS, address_of(call.scope)), (limits.REFRESH_PER_SESSION, counted)
    )
    return _tokens(call, await refresh(call.api, call.meta("anonymous"), form.refresh_token))


async def logout(
    caller: Authenticated,
    call: Called,
    scope: Annotated[Literal["local", "global"], Query(description="This session, or all of the caller's.")] = "local",
) -> Ready:
    """Signs out. Access tokens of an ended session stop working within a second."""
    intent = call.intent(caller.actor, f"logout {scope}")
    everywhere = scope == "global"
    appended = await sign_out(call.api, intent, caller.user_id, caller.session_id, everywhere=everywhere)
    return accepted(200, appended, call.api.store.log_id, {"session_id": caller.session_id})


async def jwks(call: CalledWithoutKey) -> Ready:
    """The public keys that verify access tokens; old and new ones overlap at a rotation."""
    return Ready(200, call.api.tokens.jwks(), [(b"cache-control", b"public, max-age=%d" % JWKS_SECONDS)])


def add_routes(app: FastAPI) -> None:
    """Adds the routes."""
    refused = problems("unauthenticated", "rate_limited")
    for path, endpoint in (("/v1/auth/token", token), ("/v1/auth/refresh", refresh_token)):
        app.router.add_api_route(
            path, endpoint, methods=["POST"], response_model=TokenAnswer, responses=refused, tags=["auth"]
        )
    add_command(app, "POST", "/v1/auth/logout", logout, answers=SignedOut)
    app.router.add_api_route("/.well-known/jwks.json", jwks, response_model=KeySet, tags=["auth"])


def _tokens(call: Call, grant: Grant) -> Ready:
    content = {
        "access_token": grant.access_token,
        "token_type": "bearer",
        "expires_in": call.api.tokens.lifetime_seconds,
        "refresh_token": grant.refresh_token,
    }
    return Ready(200, orjson.dumps(content), bookmark_headers(grant.appended, call.api.store.log_id))
