"""The shell around every request, plain ASGI: trace id, body cap, lean routes, problems, log line and metrics.

It must not know any route. The way of a lean request is kept short on purpose: it is the product's hot path.
"""

from __future__ import annotations

import asyncio
import re
from random import getrandbits
from time import perf_counter
from typing import Any

import structlog
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from events.errors import Overloaded
from infra.web import metrics
from infra.web.answer import Header, Ready
from infra.web.lean import LeanTable
from infra.web.problems import TooLarge, internal_problem, problem_of

TRACE_ID = "mimo.trace_id"
HEADERS = "mimo.headers"
MAX_BODY_BYTES = 256 * 1024
SLOW_SECONDS = 1.0
_TRACEPARENT = re.compile(rb"[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}")
_NOSNIFF: Header = (b"x-content-type-options", b"nosniff")
_PAGE_POLICY = (
    b"default-src 'self'; img-src 'self' data: https://fastapi.tiangolo.com; connect-src *; base-uri 'none'; "
    b"style-src 'self' 'unsafe-inline' https://cdn.jsdelivr.net; "
    b"script-src 'self' 'unsafe-inline' https://cdn.jsdelivr.net; frame-ancestors 'none'"
)
_PAGE_HEADERS: tuple[Header, ...] = (
    (b"content-security-policy", _PAGE_POLICY),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
)
_METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))
_PROBES = frozenset(("/livez", "/readyz", "/metrics"))
"""Asked all the time; whoever asks reads the answer, the log need not repeat it."""
_log = structlog.get_logger("mimo.http")


def trace_id_of(scope: Scope) -> str:
    """The request's trace id, 32 hex digits: the caller's (W3C trace context) or a fresh one."""
    return str(scope.get(TRACE_ID) or "0" * 32)


class Shell:
    """Stands in front of an application.

    Args:
        app: what answers the requests that are not lean.
        max_body_bytes: larger bodies are refused (413).
        log_all: whether every request gets a log line, not only the refused, failed and slow ones.
    """

    def __init__(self, app: ASGIApp, max_body_bytes: int = MAX_BODY_BYTES, log_all: bool = False) -> None:
        self._app = app
        self._max_body_bytes = max_body_bytes
        self._log_all = log_all
        self._lean: LeanTable | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request (ASGI)."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if self._lean is None:
            self._lean = LeanTable(scope["app"].routes)
        started = perf_counter()
        headers = scope[HEADERS] = dict(scope["headers"])
        trace_id = scope[TRACE_ID] = _trace_id(headers.get(b"traceparent"))
        found = self._lean.find(scope["method"], scope["path"])
        if found is None:
            await self._serve_ordinary(scope, receive, send, headers, started)
            return
        route, match = found
        try:
            answer = await route.answer(scope, receive, headers, match, self._max_body_bytes)
        except ClientDisconnect:
            return
        except (Exception, asyncio.CancelledError) as error:
            answer = failed(error, scope)
        head = [*answer.raw_headers, _NOSNIFF, (b"x-request-id", trace_id.encode())]
        await send({"type": "http.response.start", "status": answer.status_code, "headers": head})
        await send({"type": "http.response.body", "body": answer.body})
        self._observe(scope, route.path, answer.status_code, perf_counter() - started)

    async def _serve_ordinary(
        self, scope: Scope, receive: Receive, send: Send, headers: dict[bytes, bytes], started: float
    ) -> None:
        status, answered, seconds = 0, False, 0.0

        async def observed(message: Message) -> None:
            nonlocal status, answered, seconds
            if message["type"] == "http.response.start":
                status, seconds = message["status"], perf_counter() - started  # a stream goes on for long
                message["headers"] = [*message.get("headers", ()), *_added(message, scope)]
            answered = message["type"] == "http.response.body" and not message.get("more_body", False)
            await send(message)

        try:
            await self._app(scope, self._capped(headers, receive), observed)
        except ClientDisconnect:
            return
        except (Exception, asyncio.CancelledError) as error:
            if not status:
                await failed(error, scope)(scope, receive, observed)
            elif not answered:  # Starlette raises again what its handler has answered
                raise
        template = getattr(scope.get("route"), "path", "unmatched")
        self._observe(scope, template, status, seconds)

    def _capped(self, headers: dict[bytes, bytes], receive: Receive) -> Receive:
        """Bodies of a told length are checked before they are read, chunked ones while they come."""
        length = headers.get(b"content-length")
        if length is not None and int(length) <= self._max_body_bytes:
            return receive
        room = self._max_body_bytes if length is None else -1

        async def capped() -> Message:
            nonlocal room
            message = await receive() if room >= 0 else {"type": "http.request"}
            room -= len(message.get("body", b""))
            if room < 0:
                raise TooLarge(self._max_body_bytes)
            return message

        return capped

    def _observe(self, scope: Scope, route: str, status: int, seconds: float) -> None:
        method: str = scope["method"] if scope["method"] in _METHODS else "OTHER"
        metrics.observe(method, route, status, seconds)
        if route in _PROBES:
            return
        if status >= 500:
            _log.warning("request", **_line(scope, route, status, seconds))
        elif status >= 400 or seconds > SLOW_SECONDS or self._log_all:
            _log.info("request", **_line(scope, route, status, seconds))


def _trace_id(traceparent: bytes | None) -> str:
    if traceparent is not None and (match := _TRACEPARENT.fullmatch(traceparent)) and match[1].strip(b"0"):
        return match[1].decode()
    return f"{getrandbits(128):032x}"


def _added(message: Message, scope: Scope) -> list[Header]:
    added = [_NOSNIFF, (b"x-request-id", trace_id_of(scope).encode())]
    given = dict(message["headers"])
    if given.get(b"content-type", b"").startswith(b"text/html"):
        added += (header for header in _PAGE_HEADERS if header[0] not in given)  # our own pages are stricter
    return added


def failed(error: BaseException, scope: Scope) -> Ready:
    """The answer to an error; what nobody expected is logged."""
    trace_id = trace_id_of(scope)
    if isinstance(error, asyncio.CancelledError):  # uvicorn stops and has waited long enough
        error = Overloaded("The server is stopping; try again.")
    answer = problem_of(error, trace_id)
    if answer is None:
        _log.error("request_failed", trace_id=trace_id, path=scope["path"], exc_info=error)
        return internal_problem(trace_id)
    return answer


def _line(scope: Scope, route: str, status: int, seconds: float) -> dict[str, Any]:
    """The access log line: never the query string, a header or a body, for they can hold secrets."""
    client = scope.get("client")
    return {
        "method": scope["method"],
        "route": route,
        "path": scope["path"],
        "status": status,
        "milliseconds": round(seconds * 1000, 1),
        "address": client[0] if client else "",
        "trace_id": trace_id_of(scope),
    }
