"""A command's call: the parts of this API, the caller's Idempotency-Key and the trace, for ordinary and lean routes.

It must not know any command.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated

from fastapi import Depends, Header, Request
from pydantic import BaseModel
from starlette.types import Scope

from command_api.write import Intent
from events.errors import InvalidRequest
from events.ports import Idempotency
from events.recorded import Meta
from infra.web.lean import Headers
from infra.web.shell import HEADERS, trace_id_of

if TYPE_CHECKING:
    from command_api.api import CommandApi

KEY_PATTERN = "^[ -~]{1,200}$"
_KEY = re.compile(rb"[ -~]{1,200}")
KeyHeader = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        pattern=KEY_PATTERN,
        description="The same key with the same request gets the first answer again, for seven days.",
    ),
]


class Call:
    """What every command needs beside its own parameters.

    Attributes:
        api: the parts of this API.
        key: the Idempotency-Key, if any.
        scope: the ASGI scope.
    """

    __slots__ = ("api", "key", "scope")

    def __init__(self, scope: Scope, key: str | None) -> None:
        self.api: CommandApi = scope["app"].state.api
        self.key = key
        self.scope = scope

    def meta(self, actor: str) -> Meta:
        """What the log notes of this request. `actor`: who it is that acts."""
        parent = self.scope[HEADERS].get(b"traceparent")
        trace_id = trace_id_of(self.scope)
        text = "" if parent is None else parent.decode("latin-1")
        return Meta(actor, trace_id, traceparent=text if trace_id in text else "")

    def intent(self, actor: str, operation: str, body: BaseModel | None = None, owner: str | None = None) -> Intent:
        """Who wants what, with the idempotency key if one was sent.

        Args:
            actor: who acts.
            operation: names the command and what it acts on, for the request's fingerprint.
            body: the request's body; fields marked secret stay out of the fingerprint.
            owner: whom the key belongs to; default: the actor.
        """
        meta = self.meta(actor)
        if self.key is None:
            return Intent(meta)
        secret = set(getattr(body, "SECRET", ()))
        content = b"" if body is None else body.model_dump_json(exclude=secret, exclude_unset=True).encode()
        fingerprint = self.api.secrets.keyed_hash("request", operation.encode() + b"\n" + content)
        return Intent(meta, Idempotency(owner or actor, self.key, fingerprint))


class _CallOf:
    """The dependency."""

    def __call__(self, request: Request, idempotency_key: KeyHeader = None) -> Call:
        """The call (FastAPI)."""
        return Call(request.scope, idempotency_key)

    async def lean(self, scope: Scope, headers: Headers) -> Call:
        """The call (lean routes)."""
        key = headers.get(b"idempotency-key")
        if key is None:
            return Call(scope, None)
        if not _KEY.fullmatch(key):
            raise InvalidRequest("Idempotency-Key has 1 to 200 printable ASCII characters.")
        return Call(scope, key.decode("ascii"))


class _CallWithoutKey:
    """The dependency of routes that ignore the Idempotency-Key."""

    def __call__(self, request: Request) -> Call:
        """The call (FastAPI)."""
        return Call(request.scope, None)


Called = Annotated[Call, Depends(_CallOf())]
CalledWithoutKey = Annotated[Call, Depends(_CallWithoutKey())]
