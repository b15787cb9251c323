"""Events on the wire: a recorded event ⇄ a Kafka record, in CloudEvents' binary content mode with JSON data.

Sources: CloudEvents 1.0.2 and its Kafka protocol binding, the distributed tracing extension. The topic and partition
are the record's own; everything else of a recorded event is in its headers, so that reading a topic gives back exactly
what the log holds. It must not know any Kafka client, nor open sealed data.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from functools import lru_cache
from uuid import UUID

import msgspec

from events.errors import UndecodableEvent
from events.recorded import Meta, Recorded

SPEC_VERSION = b"1.0"
SOURCE = b"/mimo"
TYPE_PREFIX = "app.mimo."
CONTENT_TYPE = b"application/json"
TYPES_REMEMBERED = 1024
MOST_DIGITS = 19
_UTC = "+00:00"

Header = tuple[str, bytes]

_meta = msgspec.json.Decoder(Meta)
_encode = msgspec.json.encode


class Published(msgspec.Struct, frozen=True, gc=False):
    """A record that was read, and the id of the history that it belongs to."""

    log_id: bytes
    recorded: Recorded


@lru_cache(TYPES_REMEMBERED)
def type_of(name: str, schema: int) -> bytes:
    """The CloudEvents type of an event: `app.mimo.<name>.v<schema>`."""
    return f"{TYPE_PREFIX}{name}.v{schema}".encode()


@lru_cache(TYPES_REMEMBERED)
def name_of(event_type: bytes) -> tuple[str, int]:
    """Name and schema version from a CloudEvents type.

    Raises:
        ValueError: it is not a type of ours.
    """
    name, separator, schema = event_type.decode().removeprefix(TYPE_PREFIX).rpartition(".v")
    if not event_type.startswith(TYPE_PREFIX.encode()) or not separator or not name:
        raise ValueError(f"{event_type!r} is no type of mimo's")
    return name, int(schema)


def history_header(log_id: UUID) -> bytes:
    """The value of `ce_mimolog` for a history."""
    return str(log_id).encode()


def to_headers(event: Recorded, log_id: bytes) -> list[Header]:
    """The headers of an event's record; its key is the event's key, its value the event's data, both UTF-8.

    Args:
        event: as the log holds it.
        log_id: the history's id as `history_header` gives it.
    """
    meta = _meta.decode(event.meta)
    time = event.at.isoformat(timespec="microseconds")
    headers = [
        ("content-type", CONTENT_TYPE),
        ("ce_specversion", SPEC_VERSION),
        ("ce_id", str(event.id).encode()),
        ("ce_source", SOURCE),
        ("ce_type", type_of(event.type, event.schema)),
        ("ce_time", (time[:-6] + "Z" if time.endswith(_UTC) else time).encode()),
        ("ce_subject", event.stream.encode()),
        ("ce_mimolog", log_id),
        ("ce_mimoposition", b"%d" % event.position),
        ("ce_mimooffset", b"%d" % event.offset),
        ("ce_mimoversion", b"%d" % event.version),
        ("ce_mimoactor", meta.actor.encode()),
    ]
    if meta.correlation_id:
        headers.append(("ce_correlationid", meta.correlation_id.encode()))
    if meta.causation_id:
        headers.append(("ce_causationid", meta.causation_id.encode()))
    if meta.traceparent:
        headers.append(("ce_traceparent", meta.traceparent.encode()))
    return headers


def from_record(
    topic: str, partition: int, key: bytes | None, value: bytes | None, headers: Iterable[Header]
) -> Published:
    """The recorded event in a Kafka record.

    Args:
        topic: the topic's name as the log knows it, without an installation's prefix.
        partition: the record's partition.
        key: the record's key.
        value: the record's value.
        headers: the record's headers.

    Raises:
        UndecodableEvent: it is not a record of an event; the text says what is missing or wrong, without its data.
    """
    found = dict(headers)
    if key is None or value is None:
        raise UndecodableEvent(f"{topic}.{partition}: a record without key or value")
    try:
        name, schema = name_of(found["ce_type"])
        recorded = Recorded(
            position=int(found["ce_mimoposition"]),
            id=UUID(found["ce_id"].decode()),
            stream=found["ce_subject"].decode(),
            version=int(found["ce_mimoversion"]),
            topic=topic,
            partition=partition,
            offset=int(found["ce_mimooffset"]),
            key=key.decode(),
            type=name,
            schema=schema,
            data=value.decode(),
            meta=_meta_of(found),
            at=datetime.fromisoformat(found["ce_time"].decode()),
        )
        return Published(bytes(found["ce_mimolog"]), recorded)
    except KeyError as missing:
        raise UndecodableEvent(f"{topic}.{partition}: a record without the header {missing}") from None
    except (ValueError, AttributeError, TypeError) as error:  # the latter two: a header without a value
        raise UndecodableEvent(f"{topic}.{partition}: a header that cannot be read ({type(error).__name__})") from None


def offset_of(headers: Iterable[Header]) -> int | None:
    """The dense offset that a record says it has; None when it does not say."""
    for name, value in headers:
        if name == "ce_mimooffset":
            return int(value) if value and value.isdigit() and len(value) <= MOST_DIGITS else None
    return None


def _meta_of(headers: dict[str, bytes]) -> str:
    """The event's meta data, as the log stores them."""
    get = headers.get
    return _encode(
        Meta(
            actor=headers["ce_mimoactor"].decode(),
            correlation_id=get("ce_correlationid", b"").decode(),
            causation_id=get("ce_causationid", b"").decode(),
            traceparent=get("ce_traceparent", b"").decode(),
        )
    ).decode()
