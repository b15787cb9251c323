"""The catalogue: stored name and schema version ⇄ class. The only encoder and decoder of events.

Personal fields leave it sealed and enter it sealed: one token per event, under the name `sealed`, made by
the `Sealer` that the caller hands over. It must not know keys, ciphers or where events are stored.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, Protocol
from uuid import UUID

import msgspec

from events.courses import CourseArchived, CourseChanged, CourseCreated, CoursePublished
from events.enrollments import Enrolled, Unenrolled
from events.errors import UndecodableEvent
from events.event import Event, personal_fields
from events.messages import (
    ChannelOpened,
    ChannelRenamed,
    DirectChannelOpened,
    MessageDeleted,
    MessageEdited,
    MessageSent,
    ReactionAdded,
    ReactionRemoved,
)
from events.moderation import MemberMuted, MemberUnmuted, MessageReported, ReportResolved
from events.operations import OperationEnded, OperationRequested
from events.reading import ChannelRead
from events.users import (
    PasswordChanged,
    RoleGranted,
    SessionEnded,
    SessionStarted,
    UserErased,
    UserProfileChanged,
    UserRegistered,
)

EVENTS: tuple[type[Event], ...] = (
    UserRegistered, UserProfileChanged, PasswordChanged, RoleGranted, SessionStarted, SessionEnded, UserErased,
    CourseCreated, CourseChanged, CoursePublished, CourseArchived,
    Enrolled, Unenrolled,
    ChannelOpened, ChannelRenamed, DirectChannelOpened, MessageSent, MessageEdited, MessageDeleted, ReactionAdded,
    ReactionRemoved,
    ChannelRead,
    MemberMuted, MemberUnmuted, MessageReported, ReportResolved,
    OperationRequested, OperationEnded,
)  # fmt: skip
"""Every event that exists, at its current schema."""

Upcaster = Callable[[dict[str, Any]], dict[str, Any]]
UPCASTERS: dict[tuple[str, int], Upcaster] = {}
"""From (name, schema version) to a function that turns its data into the next version's."""

BY_NAME: dict[str, type[Event]] = {event.contract.name: event for event in EVENTS}
TOPICS: tuple[str, ...] = tuple(dict.fromkeys(event.contract.topic for event in EVENTS))
PERSONAL: dict[str, tuple[str, ...]] = {event.contract.name: personal_fields(event) for event in EVENTS}
SEALED = "sealed"

_encoder = msgspec.json.Encoder()
_plain = msgspec.json.Decoder(dict[str, Any])


@cache
def _decoder(event_class: type[Event]) -> msgspec.json.Decoder[Event]:
    return msgspec.json.Decoder(event_class)


@cache
def _sealed_decoder(event_class: type[Event]) -> msgspec.json.Decoder[Any]:
    """For the shape of an event's data while its personal fields are one token; they are there, still empty."""
    names = PERSONAL[event_class.contract.name]
    fields: list[Any] = []
    for field in msgspec.structs.fields(event_class):
        assert field.default_factory is msgspec.NODEFAULT, f"{event_class.__name__}.{field.name}: use a plain default"
        if field.name in names:
            fields.append((field.name, str | None, None))
        else:
            fields.append((field.name, field.type) if field.required else (field.name, field.type, field.default))
    fields.append((SEALED, str | None, None))
    form = msgspec.defstruct(f"Sealed{event_class.__name__}", fields, kw_only=True, gc=False)
    return msgspec.json.Decoder(form)


class Sealer(Protocol):
    """Seals and opens personal data. Both are pure computations: keys must be at hand before."""

    def seal(self, subject: UUID, plain: bytes, context: bytes) -> str:
        """Seals `plain` for a person; `context` must be given again to open it."""

    def open(self, subject: UUID, sealed: str, context: bytes) -> bytes | None:
        """Opens what was sealed; None when the person's key is gone (erased)."""


def encode(event: Event, event_id: UUID, sealer: Sealer) -> str:
    """The event's data as the log stores it: JSON with personal fields sealed under the event's id."""
    names = PERSONAL[event.contract.name]
    if not names:
        return _encoder.encode(event).decode()
    subject = event.subject
    assert subject is not None, f"{event.contract.name} has personal fields but names no subject"
    data = msgspec.structs.asdict(event)
    personal = {name: data.pop(name) for name in names}
    data[SEALED] = sealer.seal(subject, _encoder.encode(personal), event_id.bytes)
    return _encoder.encode(data).decode()


def decode(name: str, schema: int, data: str | bytes, event_id: UUID, sealer: Sealer) -> Event:
    """The event at its current schema, opened; personal fields are None once the person was erased.

    Raises:
        UndecodableEvent: the name or schema is unknown, or the data do not have its shape.
    """
    parsed = parse(name, schema, data, event_id)
    return parsed.open(sealer) if isinstance(parsed, SealedEvent) else parsed


class SealedEvent(msgspec.Struct, frozen=True, gc=False):
    """An event that was read but not opened yet: it tells whose key it takes."""

    name: str
    id: UUID
    subject: UUID
    form: msgspec.Struct

    def open(self, sealer: Sealer) -> Event:
        """The event; its personal fields are None once the person was erased.

        Raises:
            UndecodableEvent: what was sealed does not have the shape of the personal fields.
        """
        form = self.form
        opened = sealer.open(self.subject, getattr(form, SEALED), self.id.bytes)
        try:
            personal = {} if opened is None else _personal.decode(opened)
            for name in PERSONAL[self.name]:
                setattr(form, name, None if opened is None else personal[name])
            return msgspec.convert(form, BY_NAME[self.name], from_attributes=True)
        except (msgspec.DecodeError, KeyError) as error:
            raise UndecodableEvent(f"{self.name} {self.id}: personal data of another shape") from error


_personal = msgspec.json.Decoder(dict[str, str | None])


def parse(name: str, schema: int, data: str | bytes, event_id: UUID) -> Event | SealedEvent:
    """Reads an event without opening it: the first half of `decode`, for those who fetch keys for many at once.

    Raises:
        UndecodableEvent: the name or schema is unknown, or the data do not have its shape.
    """
    event_class = BY_NAME.get(name)
    if event_class is None:
        raise UndecodableEvent(f"{name}: this version of the code does not know this event")
    try:
        if schema != event_class.contract.schema:
            data = _encoder.encode(upcast(name, schema, _plain.decode(data)))
        if not PERSONAL[name]:
            return _decoder(event_class).decode(data)
        form = _sealed_decoder(event_class).decode(data)
        if getattr(form, SEALED) is None:  # an upcaster made personal what was plain once
            return _decoder(event_class).decode(data)
    except (msgspec.DecodeError, ValueError, KeyError, TypeError) as error:
        raise UndecodableEvent(f"{name} v{schema} {event_id}: {error}") from error
    return SealedEvent(name, event_id, getattr(form, event_class.contract.subject), form)


def upcast(name: str, schema: int, data: dict[str, Any]) -> dict[str, Any]:
    """Brings stored data from `schema` to the class's current schema.

    Raises:
        UndecodableEvent: no upcaster leads there (for instance, the event was written by newer code).
    """
    while schema != BY_NAME[name].contract.schema:
        step = UPCASTERS.get((name, schema))
        if step is None:
            raise UndecodableEvent(f"{name}: this version of the code does not know schema {schema}")
        data, schema = step(data), schema + 1
    return data
