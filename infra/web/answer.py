"""A ready answer: status, body and headers as the bytes that go on the wire.

It must not know why it is the answer. FastAPI takes it for a response, lean routes send it as it is.
"""

from __future__ import annotations

from collections.abc import Iterable

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

Header = tuple[bytes, bytes]

JSON_TYPE: Header = (b"content-type", b"application/json")
NO_HEADERS: tuple[Header, ...] = ()


class Ready(Response):
    """An answer that needs no rendering any more.

    Args:
        status: HTTP status code.
        body: the encoded body; empty for none.
        headers: further headers as lower-case names and values; the length is added here.
        content_type: the media type's header, None when there is no body.
    """

    media_type = "application/json"

    def __init__(
        self,
        status: int,
        body: bytes = b"",
        headers: Iterable[Header] = NO_HEADERS,
        content_type: Header | None = JSON_TYPE,
    ) -> None:
        self.status_code = status
        self.body = body
        self.background = None
        self.raw_headers = [*headers]
        if body and content_type is not None:
            self.raw_headers.append(content_type)
        if status not in (204, 304):
            self.raw_headers.append((b"content-length", b"%d" % len(body)))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        """Sends the answer (ASGI)."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        await send({"type": "http.response.body", "body": self.body})
