"""Answers of commands: a pure function of the appended events, so that first and replayed answers agree.

It must not know how events were appended.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

import orjson
from pydantic import BaseModel, Field

from events.bookmark import format_bookmark
from events.ports import Appended, AppendedEvent
from events.recorded import Recorded
from infra.web.answer import Header, Ready

_NO_STORE: Header = (b"cache-control", b"no-store")
_REPLAYED: Header = (b"idempotency-replayed", b"true")


class Accepted(BaseModel):
    """A command was carried out."""

    position: int | None = Field(description="Of its last event in the log; null when nothing had to change.")


def accepted(
    status: int, appended: Appended, log_id: UUID, ids: dict[str, Any], headers: tuple[Header, ...] = ()
) -> Ready:
    """The answer of a command.

    Args:
        status: HTTP status.
        appended: its events.
        log_id: this history, for the bookmark.
        ids: what the answer names beside the position.
        headers: further headers.
    """
    ids["position"] = appended.position
    # ids read back from PostgreSQL are of asyncpg's own subclass of UUID, which orjson leaves to `default`
    return Ready(status, orjson.dumps(ids, default=str), [*headers, *bookmark_headers(appended, log_id)])


def placed(event: Recorded) -> AppendedEvent:
    """Where an event of some earlier command is, as if it had been appended now."""
    return AppendedEvent(
        event.id, event.type, event.stream, event.version, event.topic, event.partition, event.offset, event.position
    )


def bookmark_headers(appended: Appended, log_id: UUID) -> list[Header]:
    """The headers that every command's answer carries. What appends nothing has no bookmark."""
    headers = [_NO_STORE]
    if appended.events:
        headers.append((b"mimo-bookmark", format_bookmark(log_id, appended.offsets).encode()))
    if appended.replayed:
        headers.append(_REPLAYED)
    return headers


def id_in(stream: str) -> str:
    """The id that a stream is named after."""
    return stream.partition("-")[2]
