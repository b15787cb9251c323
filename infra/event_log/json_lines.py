"""An event as one line of JSON: everything that the log holds of it, under names that stay (docs/operations.md).

What is sealed stays sealed. It must not know where lines go.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import msgspec

from events.errors import UndecodableEvent
from events.recorded import Meta, Recorded

_encoder = msgspec.json.Encoder()
_meta = msgspec.json.Decoder(Meta)


class JsonEvent(msgspec.Struct, frozen=True, gc=False):
    """The names and their order; meta data that are not there are null."""

    position: int
    id: UUID
    time: datetime
    type: str
    schema: int
    stream: str
    version: int
    topic: str
    partition: int
    offset: int
    key: str
    actor: str
    correlation_id: str | None
    causation_id: str | None
    traceparent: str | None
    data: msgspec.Raw


def meta_of(event: Recorded) -> Meta:
    """Who and what caused an event.

    Raises:
        UndecodableEvent: its meta data are of another shape.
    """
    try:
        return _meta.decode(event.meta)
    except msgspec.DecodeError as error:
        raise UndecodableEvent(f"Event {event.position} has meta data that cannot be read: {error}.") from None


def json_line(event: Recorded) -> str:
    """The event as JSON, without the end of the line.

    Raises:
        UndecodableEvent: its meta data are of another shape.
    """
    meta = meta_of(event)
    line = JsonEvent(
        position=event.position,
        id=event.id,
        time=event.at,
        type=event.type,
        schema=event.schema,
        stream=event.stream,
        version=event.version,
        topic=event.topic,
        partition=event.partition,
        offset=event.offset,
        key=event.key,
        actor=meta.actor,
        correlation_id=meta.correlation_id or None,
        causation_id=meta.causation_id or None,
        traceparent=meta.traceparent or None,
        data=msgspec.Raw(
            event.data.replace("\r", " ").replace("\n", " ").encode()
        ),  # JSON has them between tokens only
    )
    return _encoder.encode(line).decode()
