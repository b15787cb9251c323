"""Who is calling: bearer tokens at the door of both APIs.

A token is verified in full once; the result is kept by the token's hash, and at every use its expiry and its session
are checked. It must not know how tokens are made, nor what the caller may do.
"""

from __future__ import annotations

from hashlib import sha256
from time import time
from typing import Annotated, Protocol
from uuid import UUID

from fastapi import Request, Security
from fastapi.openapi.models import OAuthFlowPassword, OAuthFlows
from fastapi.security import OAuth2
from starlette.types import Scope

from events.errors import Unauthenticated
from infra.tokens import AccessClaims, InvalidToken
from infra.web.lean import Headers
from infra.web.shell import HEADERS

TOKENS_REMEMBERED = 50_000
TOKEN_PATH = "/v1/auth/token"  # noqa: S105
_PREFIX = "bearer "


class Caller:
    """Someone who showed a valid access token of a session that goes on.

    Attributes:
        user_id: who it is.
        session_id: the session.
        roles: what they were granted when the token was issued, such as `admin`.
        expires_at: when the token ends, seconds since the epoch.
        actor: how the log names them.
    """

    __slots__ = ("actor", "expires_at", "roles", "session_id", "user_id")

    def __init__(self, claims: AccessClaims) -> None:
        self.user_id: UUID = claims.user_id
        self.session_id: UUID = claims.session_id
        self.roles: frozenset[str] = claims.roles
        self.expires_at: int = claims.expires_at
        self.actor = f"user:{claims.user_id}"


class Verifier(Protocol):
    """Verifies access tokens in full."""

    def verify(self, token: str) -> AccessClaims:
        """The token's claims.

        Raises:
            InvalidToken: it is not a valid access token now.
        """


class Sessions(Protocol):
    """Knows which sessions ended."""

    async def ensure_active(self, user_id: UUID, session_id: UUID) -> None:
        """Returns when the session goes on.

        Raises:
            Unauthenticated: it ended.
            Overloaded: nobody can tell now.
        """


class Authenticator:
    """Turns an Authorization header into a caller."""

    def __init__(self, verifier: Verifier, sessions: Sessions, capacity: int = TOKENS_REMEMBERED) -> None:
        self._verifier = verifier
        self._sessions = sessions
        self._capacity = capacity
        self._known: dict[bytes, Caller] = {}

    async def caller(self, authorization: bytes | None) -> Caller:
        """The caller.

        Args:
            authorization: the header's value; None when there is none.

        Raises:
            Unauthenticated: there is no valid token, or its session ended.
            Overloaded: whether the session goes on cannot be told now.
        """
        if authorization is None:
            raise Unauthenticated("Send an access token in the Authorization header.")
        digest = sha256(authorization).digest()
        caller = self._known.get(digest)
        if caller is None:
            caller = self._verify(authorization, digest)
        elif caller.expires_at <= time():
            del self._known[digest]
            raise Unauthenticated("The access token has expired.")
        await self.ensure_active(caller)
        return caller

    async def ensure_active(self, caller: Caller) -> None:
        """Returns when a caller's session goes on.

        Raises:
            Unauthenticated: it ended.
            Overloaded: nobody can tell now.
        """
        await self._sessions.ensure_active(caller.user_id, caller.session_id)

    def _verify(self, authorization: bytes, digest: bytes) -> Caller:
        text = authorization.decode("latin-1")
        if text[: len(_PREFIX)].lower() != _PREFIX:
            raise Unauthenticated("Send an access token in the Authorization header.")
        try:
            caller = Caller(self._verifier.verify(text[len(_PREFIX) :].strip()))
        except InvalidToken as error:
            raise Unauthenticated(str(error)) from None
        if len(self._known) >= self._capacity:
            del self._known[next(iter(self._known))]
        self._known[digest] = caller
        return caller


class BearerToken(OAuth2):
    """The dependency that asks for a caller, in ordinary and in lean routes. The application's state has the rest."""

    def __init__(self) -> None:
        flow = OAuthFlows(password=OAuthFlowPassword(tokenUrl=TOKEN_PATH, scopes={}))
        super().__init__(flows=flow, scheme_name="access_token", description="Sign in with e-mail and password.")

    async def __call__(self, request: Request) -> Caller:  # type: ignore[override]
        """The caller (FastAPI)."""
        return await self.lean(request.scope, request.scope[HEADERS])

    async def lean(self, scope: Scope, headers: Headers) -> Caller:
        """The caller (lean routes)."""
        authenticator: Authenticator = scope["app"].state.authenticator
        return await authenticator.caller(headers.get(b"authorization"))


class OptionalBearerToken(BearerToken):
    """The same for routes that also serve strangers: no token, no caller; a bad token is still refused."""

    async def __call__(self, request: Request) -> Caller | None:  # type: ignore[override]
        """The caller, if any (FastAPI)."""
        return await self.lean(request.scope, request.scope[HEADERS])

    async def lean(self, scope: Scope, headers: Headers) -> Caller | None:  # type: ignore[override]
        """The caller, if any (lean routes)."""
        return await super().lean(scope, headers) if b"authorization" in headers else None


Authenticated = Annotated[Caller, Security(BearerToken())]
MaybeAuthenticated = Annotated[Caller | None, Security(OptionalBearerToken())]
