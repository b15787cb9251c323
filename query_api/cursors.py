"""Cursors: where a list goes on, opaque to clients and checked when they come back.

A cursor tells nothing that the page before it did not, so it is validated and not signed. It must not know any list.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar
from urllib.parse import parse_qsl, urlencode
from uuid import UUID

import msgspec

from events.errors import InvalidRequest

MAX_CHARACTERS = 200
FIRST_AT = datetime(9999, 12, 31, tzinfo=UTC)
FIRST_ID = UUID(int=2**128 - 1)

T = TypeVar("T", bound="Cursor")
Moment = Annotated[datetime, msgspec.Meta(tz=True)]


class Cursor(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """The base of all cursors; the subclasses' tags keep those of different lists apart."""


class After(Cursor, frozen=True, tag="t"):
    """A list by time and id, newest first, goes on after this row. Without arguments: from the start."""

    at: Moment = FIRST_AT
    id: UUID = FIRST_ID


class Before(Cursor, frozen=True, tag="s"):
    """A timeline goes on before this seq."""

    seq: Annotated[int, msgspec.Meta(ge=1, le=2**62)]


def written(cursor: Cursor) -> str:
    """A cursor as clients see it."""
    return urlsafe_b64encode(msgspec.json.encode(cursor)).rstrip(b"=").decode()


def read(text: str, kind: type[T]) -> T:
    """A cursor that a client sent back.

    Raises:
        InvalidRequest: it is not one of this kind.
    """
    try:
        if len(text) > MAX_CHARACTERS:
            raise ValueError("too long")
        return msgspec.json.decode(urlsafe_b64decode(text + "=" * (-len(text) % 4)), type=kind)
    except (ValueError, msgspec.MsgspecError):
        raise InvalidRequest("cursor: this is not a cursor of this list; send back `next_cursor` as it came.") from None


def link(path: str, query: bytes, cursor: str) -> tuple[bytes, bytes]:
    """The `Link` header to the next page (RFC 8288): the same address with another cursor."""
    others: list[tuple[str, Any]] = [
        (name, value) for name, value in parse_qsl(query.decode("latin-1"), keep_blank_values=True) if name != "cursor"
    ]
    target = f"{path}?{urlencode([*others, ('cursor', cursor)])}"
    return (b"link", f'<{target}>; rel="next"'.encode())
