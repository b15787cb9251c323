"""Serves the pages: files of this folder, as they are, with a policy that lets nothing run that is not among them.

It must not know what the pages do, nor make any of their text: a page learns what it needs from /web/where.json.
Files are read once, at the start. Their names carry no versions, so browsers ask each time whether theirs still hold.
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Awaitable, Callable
from hashlib import blake2b
from pathlib import Path

from fastapi import FastAPI, Request

from events.errors import NotFound
from infra.settings import Settings
from infra.web.answer import Header, Ready
from infra.web.shell import HEADERS
from query_api.asked import Asked
from query_api.wire import encoded

FOLDER = Path(__file__).parent
PAGES = {"/": "learn/index.html", "/ops": "ops/index.html"}
"""By path. Everything that they load is below /web/."""
TYPES = {
    ".html": b"text/html; charset=utf-8",
    ".js": b"text/javascript; charset=utf-8",
    ".css": b"text/css; charset=utf-8",
    ".ts": b"text/plain; charset=utf-8",
    ".svg": b"image/svg+xml",
    ".txt": b"text/plain; charset=utf-8",
}

_HOST = re.compile(r"(\[[0-9a-fA-F:.]{2,45}\]|[A-Za-z0-9.-]{1,253})(?::[0-9]{1,5})?")
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'{commands}; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; "
    "trusted-types 'none'"
)
_PAGE_HEADERS: tuple[Header, ...] = (
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=()"),
)
_FILE_HEADERS: tuple[Header, ...] = (
    (b"cache-control", b"no-cache"),
    (b"vary", b"accept-encoding"),
    (b"cross-origin-resource-policy", b"same-origin"),
)


class File:
    """A file as it goes on the wire.

    Attributes:
        body: its content.
        packed: the same, compressed.
        etag: changes with the content.
        content_type: its media type's header.
    """

    __slots__ = ("body", "content_type", "etag", "packed")

    def __init__(self, path: Path) -> None:
        self.body = path.read_bytes()
        self.packed = gzip.compress(self.body, mtime=0)
        self.etag = f'"{blake2b(self.body, digest_size=12).hexdigest()}"'
        self.content_type: Header = (b"content-type", TYPES[path.suffix])


def files() -> dict[str, File]:
    """Every file that may be asked for, by its path below /web/."""
    found = (path for path in FOLDER.rglob("*") if path.suffix in TYPES)
    return {path.relative_to(FOLDER).as_posix(): File(path) for path in sorted(found)}


def commands_at(settings: Settings, request: Request) -> str:
    """The origin to which a page sends commands.

    Args:
        settings: all settings.
        request: of the page; without a setting, the command API is on the same host at its own port.

    Returns:
        Such as `http://127.0.0.1:8001`; "" for the page's own origin.
    """
    if settings.command_url is not None:
        return settings.command_url.rstrip("/")
    host = _HOST.fullmatch(request.headers.get("host", ""))
    if host is None:  # it goes into a header
        return ""
    return f"{request.url.scheme}://{host[1]}:{settings.command_port}"


def add_pages(app: FastAPI, settings: Settings) -> None:
    """Adds the pages and their files.

    Args:
        app: the query API.
        settings: all settings.
    """
    kept = files()

    def page(file: File) -> Callable[[Request], Awaitable[Ready]]:
        async def answer(request: Request) -> Ready:
            """A page."""
            commands = commands_at(settings, request)
            policy = _POLICY.format(commands=f" {commands}" if commands else "")
            return _answer(request, file, ((b"content-security-policy", policy.encode()), *_PAGE_HEADERS))

        return answer

    async def part(name: str, request: Request) -> Ready:
        """What a page loads."""
        file = kept.get(name)
        if file is None:
            raise NotFound("There is no such file.")
        return _answer(request, file)

    async def where(request: Request) -> Ready:
        """Where commands go, and who may create courses."""
        told = {"commands": commands_at(settings, request), "course_creators": settings.course_creators}
        return Ready(200, encoded(told), [(b"cache-control", b"no-store")])

    endpoints: dict[str, Callable[..., object]] = {path: page(kept[name]) for path, name in PAGES.items()}
    endpoints |= {"/web/where.json": where, "/web/{name:path}": part}
    for path, endpoint in endpoints.items():
        app.router.add_api_route(path, endpoint, methods=["GET", "HEAD"], include_in_schema=False)


def _answer(request: Request, file: File, headers: tuple[Header, ...] = ()) -> Ready:
    asked = Asked(request.scope, request.scope[HEADERS])
    known: list[Header] = [*headers, *_FILE_HEADERS, (b"etag", file.etag.encode())]
    if asked.has(file.etag):
        return Ready(304, b"", known)
    if "gzip" in request.headers.get("accept-encoding", ""):
        return Ready(200, file.packed, [*known, (b"content-encoding", b"gzip")], file.content_type)
    return Ready(200, file.body, known, file.content_type)
