"""What a read asks for beside its path: a bookmark, how long to wait, what the client has already.

It must not know what is read.
"""

from __future__ import annotations

import re
from typing import Annotated

from fastapi import Depends, Header, Request
from starlette.types import Scope

from infra.web.lean import Headers
from infra.web.shell import HEADERS

DEFAULT_WAIT_SECONDS = 1.0
MAX_WAIT_SECONDS = 10.0
BOOKMARK_HELP = "Show me at least this: what a command or an earlier read answered."
PREFER_HELP = "`wait=<seconds>`: how long to wait for the bookmark (default 1, at most 10)."
BOOKMARK_PATTERN = r"^log\.[0-9a-f]{8}(,[a-z_]{1,32}\.[0-9]{1,5}:[0-9]{1,18})*$"
"""For the documentation; `parse_bookmark` understands joined bookmarks as well."""
BOOKMARKS = ["log.7f3a9c21,messages.3:1204"]
ETAG_HELP = "The `ETag` that the client has."
_WAIT = re.compile(r"(?:^|[,;])\s*wait\s*=\s*\"?(\d{1,6})\"?\s*(?:$|[,;])", re.IGNORECASE | re.ASCII)
_ETAG = re.compile(r'(?:W/)?"[^"]*"')


class Asked:
    """One read's headers and address.

    Attributes:
        bookmark: what `Mimo-Bookmark` says; None without.
        wait_seconds: how long to wait for it at most.
        if_none_match: what `If-None-Match` says; None without.
        path: the path, as it came.
        query: the query string, as it came.
    """

    __slots__ = ("bookmark", "if_none_match", "path", "query", "wait_seconds")

    def __init__(self, scope: Scope, headers: Headers) -> None:
        bookmark = headers.get(b"mimo-bookmark")
        self.bookmark = None if bookmark is None else bookmark.decode("latin-1")
        self.wait_seconds = DEFAULT_WAIT_SECONDS if b"prefer" not in headers else wait_of(headers[b"prefer"])
        self.if_none_match = headers.get(b"if-none-match")
        self.path: str = scope["path"]
        self.query: bytes = scope["query_string"]

    def has(self, etag: str) -> bool:
        """Whether the client has this version already (weak comparison, RFC 9110)."""
        if self.if_none_match is None:
            return False
        text = self.if_none_match.decode("latin-1").strip()
        return text == "*" or any(tag.removeprefix("W/") == etag for tag in _ETAG.findall(text))


def wait_of(prefer: bytes) -> float:
    """The seconds of `Prefer: wait=<seconds>` (RFC 7240), at most ten; what cannot be read is ignored."""
    match = _WAIT.search(prefer.decode("latin-1"))
    return min(float(match[1]), MAX_WAIT_SECONDS) if match else DEFAULT_WAIT_SECONDS


class _Asking:
    """The dependency, in ordinary and in lean routes. The parameters are there for the documentation."""

    def __call__(
        self,
        request: Request,
        mimo_bookmark: Annotated[  # noqa: ARG002
            str | None,
            Header(alias="Mimo-Bookmark", description=BOOKMARK_HELP, pattern=BOOKMARK_PATTERN, examples=BOOKMARKS),
        ] = None,
        prefer: Annotated[str | None, Header(alias="Prefer", description=PREFER_HELP)] = None,  # noqa: ARG002
        if_none_match: Annotated[str | None, Header(alias="If-None-Match", description=ETAG_HELP)] = None,  # noqa: ARG002
    ) -> Asked:
        """What a read asks for (FastAPI)."""
        return Asked(request.scope, request.scope[HEADERS])

    async def lean(self, scope: Scope, headers: Headers) -> Asked:
        """What a read asks for (lean routes)."""
        return Asked(scope, headers)


Asks = Annotated[Asked, Depends(_Asking())]
