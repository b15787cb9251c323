"""The messages of `/v1/live`: what clients may say, and what they are told (docs/live.md).

It must not know connections, nor the log.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec

from events.event import Event
from events.recorded import Recorded
from infra.web.sockets import framed

SUBPROTOCOL = "mimo.v1"
Seq = Annotated[int, msgspec.Meta(ge=0, le=2**62)]


class Auth(msgspec.Struct, tag="auth", tag_field="type", forbid_unknown_fields=True):
    """Who it is: the first message, and again before the token expires."""

    token: str


class Subscribe(msgspec.Struct, tag="subscribe", tag_field="type", forbid_unknown_fields=True):
    """Tell me what happens in a channel, after this seq."""

    channel_id: UUID
    after_seq: Seq


class Unsubscribe(msgspec.Struct, tag="unsubscribe", tag_field="type", forbid_unknown_fields=True):
    """No more of this channel."""

    channel_id: UUID


Said = Auth | Subscribe | Unsubscribe
_said: msgspec.json.Decoder[Said] = msgspec.json.Decoder(Said)
_encoder = msgspec.json.Encoder()


class Frame:
    """A message to clients, once as its text and once as WebSockets send it.

    Attributes:
        text: JSON in UTF-8, in one line.
        framed: the same as a WebSocket frame.
    """

    __slots__ = ("framed", "text")

    def __init__(self, text: bytes) -> None:
        self.text = text
        self.framed = framed(text)


class NotUnderstood(Exception):
    """A client said something that is no message of ours; the text says what is wrong."""


def said(text: str) -> Said:
    """What a client said.

    Raises:
        NotUnderstood: it is none of the messages.
    """
    try:
        return _said.decode(text)
    except (msgspec.DecodeError, UnicodeEncodeError) as error:
        raise NotUnderstood(str(error)) from None


class _Event(msgspec.Struct, tag="event", tag_field="type"):
    channel_id: str
    seq: int
    event: str
    id: UUID
    at: datetime
    data: dict[str, Any] | None


def event(recorded: Recorded, opened: Event | None, *, told_text: bool = True) -> Frame:
    """An event of a channel.

    Args:
        recorded: as the log has it.
        opened: its data; None: this version of the code does not know such an event, and its seq counts all the same.
        told_text: False: the message was deleted since, and what it said is null.
    """
    data = None
    if opened is not None:
        data = {name: getattr(opened, name) for name in opened.__struct_fields__ if name != "channel_id"}
        if not told_text:
            data["text"] = None
    told = _Event(recorded.key, recorded.version, recorded.type, recorded.id, recorded.at, data)
    return Frame(_encoder.encode(told))


def ready(user_id: UUID, expires_at: int) -> Frame:
    """The token was good; it must be renewed by an `auth` before it ends, at that time (seconds since the epoch)."""
    return _frame(type="ready", user_id=user_id, expires_at=expires_at)


def subscribed(channel_id: UUID, after_seq: int) -> Frame:
    """From here on every event after this seq follows."""
    return _frame(type="subscribed", channel_id=channel_id, after_seq=after_seq)


def reset(channel_id: UUID, last_seq: int) -> Frame:
    """Too far behind, or ahead of the log: read the messages over HTTP, then subscribe after their `last_seq`."""
    return _frame(type="reset", channel_id=channel_id, last_seq=last_seq)


def ended(channel_id: UUID, reason: str) -> Frame:
    """Nothing more of this channel: asked for, or membership ended."""
    return _frame(type="ended", channel_id=channel_id, reason=reason)


def refused(channel_id: UUID, code: str, detail: str) -> Frame:
    """Why there is no subscription; codes are those of problems over HTTP."""
    return _frame(type="refused", channel_id=channel_id, code=code, detail=detail)


def closed(code: int, reason: str) -> Frame:
    """The end of an event stream, as a WebSocket's close says it."""
    return _frame(type="closed", code=code, reason=reason)


EVENT_BEGINS = b'{"type":"event",'
PING_SECONDS = 25.0
PING = Frame(b'{"type":"ping"}')
"""Sent when nothing else was for a while: whoever hears nothing for twice as long has lost the connection."""


def _frame(**members: object) -> Frame:
    return Frame(_encoder.encode(members))
