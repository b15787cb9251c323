"""The messages of `/v1/live`: what clients may say, and what they are told (docs/live.md).

It must not know connections, nor the log.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
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
    """Tell me what happens in a channel, after this seq, and if asked for who is in it."""

    channel_id: UUID
    after_seq: Seq
    presence: bool = False


class Unsubscribe(msgspec.Struct, tag="unsubscribe", tag_field="type", forbid_unknown_fields=True):
    """No more of this channel."""

    channel_id: UUID


class Typing(msgspec.Struct, tag="typing", tag_field="type", forbid_unknown_fields=True):
    """I am writing something in this channel."""

    channel_id: UUID


Said = Auth | Subscribe | Unsubscribe | Typing
_said: msgspec.json.Decoder[Said] = msgspec.json.Decoder(Said)
_encoder = msgspec.json.Encoder()


class Frame:
    """A message to clients, or several, once as texts and once as WebSockets send them.

    Attributes:
        texts: JSON in UTF-8, each in one line.
        framed: the same as WebSocket frames, one behind the other.
    """

    __slots__ = ("framed", "texts")

    def __init__(self, texts: tuple[bytes, ...], framed: bytes) -> None:
        self.texts = texts
        self.framed = framed


def joined(several: Sequence[Frame]) -> Frame:
    """Several frames as one that is sent at once."""
    if len(several) == 1:
        return several[0]
    return Frame(tuple(text for one in several for text in one.texts), b"".join([one.framed for one in several]))


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
            if "mentions" in data:  # they are part of what was said
                data["mentions"] = ()
    told = _Event(recorded.key, recorded.version, recorded.type, recorded.id, recorded.at, data)
    return _of(_encoder.encode(told))


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


def typing(channel_id: UUID, user_id: UUID) -> Frame:
    """Somebody is writing something; forget it after some seconds."""
    return _frame(type="typing", channel_id=channel_id, user_id=user_id)


def here(channel_id: UUID, people: Collection[UUID]) -> Frame:
    """Who is in the channel now."""
    return _frame(type="presence", channel_id=channel_id, here=people, count=len(people))


def moved(channel_id: UUID, came: Collection[UUID], went: Collection[UUID], count: int) -> Frame:
    """Who has come since it was told last, and who has gone."""
    return _frame(type="presence", channel_id=channel_id, came=came, went=went, count=count)


def crowd(channel_id: UUID, count: int) -> Frame:
    """How many are in the channel now: too many to name them."""
    return _frame(type="presence", channel_id=channel_id, count=count)


def yours(happened: Event) -> Frame:
    """Something about the person changed, perhaps on another device of theirs: a hint, without a seq."""
    return _frame(type="yours", event=happened.contract.name, data=happened)


EVENT_BEGINS = b'{"type":"event",'
PING_SECONDS = 25.0


def _of(text: bytes) -> Frame:
    return Frame((text,), framed(text))


def _frame(**members: object) -> Frame:
    return _of(_encoder.encode(members))


PING = _frame(type="ping")
"""Sent when nothing else was for a while: whoever hears nothing for twice as long has lost the connection."""
