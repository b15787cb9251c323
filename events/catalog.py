"""The catalogue: stored name and schema version ⇄ class. The only encoder and decoder of events.

Personal fields leave it sealed and enter it sealed: one token per event, under the name `sealed`, made by
the `Sealer` that the caller hands over. It must not know keys, ciphers or where events are stored.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol
from uuid import UUID

import msgspec

from events.courses import CourseArchived, CourseChanged, CourseCreated, CoursePublished
from events.enrollments import Enrolled, Unenrolled
from events.errors import UndecodableEvent
from events.event import Event, personal_fields
from events.messages import ChannelOpened, MessageDeleted, MessageEdited, MessageSent
from events.users import (
    PasswordChanged,
    RoleGranted,
    SessionEnded,
    SessionStarted,
    UserProfileChanged,
    UserRegistered,
)

EVENTS: tuple[type[Event], ...] = (
    UserRegistered, UserProfileChanged, PasswordChanged, RoleGranted, SessionStarted, SessionEnded,
    CourseCreated, CourseChanged, CoursePublished, CourseArchived,
    Enrolled, Unenrolled,
    ChannelOpened, MessageSent, MessageEdited, MessageDeleted,
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
_decoders = {event.contract.name: msgspec.json.Decoder(event) for event in EVENTS}
_plain = msgspec.json.Decoder(dict[str, Any])


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
    event_class = BY_NAME.get(name)
    if event_class is None:
        raise UndecodableEvent(f"{name}: this version of the code does not know this event")
    try:
        if schema == event_class.contract.schema and not PERSONAL[name]:
            return _decoders[name].decode(data)
        return _open(event_class, upcast(name, schema, _plain.decode(data)), event_id, sealer)
    except (msgspec.DecodeError, ValueError, KeyError, TypeError) as error:
        raise UndecodableEvent(f"{name} v{schema} {event_id}: {error}") from error


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


def _open(event_class: type[Event], data: dict[str, Any], event_id: UUID, sealer: Sealer) -> Event:
    contract = event_class.contract
    token = data.pop(SEALED, None)
    if token is not None:
        opened = sealer.open(msgspec.convert(data[contract.subject], UUID), token, event_id.bytes)
        names = PERSONAL[contract.name]
        data.update(dict.fromkeys(names) if opened is None else _plain.decode(opened))
    return msgspec.convert(data, event_class)
