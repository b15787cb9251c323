"""JSON Schemas (2020-12) of what is on the wire: one per event and schema version, and one of a record's headers.

Personal fields are not on the wire, so they are not properties: the token that holds them is. What else is fixed for
ever stands under `x-mimo`. A schema of an earlier version is not made, it was kept: no class has that shape any more.
It must not know where the files are.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from events.catalog import EVENTS, PERSONAL, SEALED
from events.cloudevents import CONTENT_TYPE, SOURCE, SPEC_VERSION, TYPE_PREFIX, type_of
from events.contract.texts import Texts
from events.event import Event
from events.partition import partition_of

Schema = dict[str, Any]

DIALECT = "https://json-schema.org/draft/2020-12/schema"
EXTENSION = "x-mimo"
HEADERS_NAME = "headers"
_UUID = {"type": "string", "format": "uuid"}
_NUMBER = {"type": "string", "pattern": "^[1-9][0-9]*$"}
_TEXT = {"type": "string", "minLength": 1}
_PARTITIONS = 12
_PARTITION_KEYS = ("01938000-0000-7000-8000-000000000001", "01938000-0000-7000-8000-000000000002", "foobar")

_REQUIRED_HEADERS: dict[str, tuple[Schema, str]] = {
    "content-type": ({"const": CONTENT_TYPE.decode()}, "Of the value."),
    "ce_specversion": ({"const": SPEC_VERSION.decode()}, "Of CloudEvents."),
    "ce_id": (_UUID, "The event's id. Two records with the same id are the same event."),
    "ce_source": ({"const": SOURCE.decode()}, "Who says it."),
    "ce_type": (
        {"type": "string", "pattern": rf"^{TYPE_PREFIX.replace('.', '[.]')}[A-Za-z]+[.]v[1-9][0-9]*$"},
        "What happened, and the version of the data's shape.",
    ),
    "ce_time": (
        {"type": "string", "format": "date-time"},
        "When it was stored; never earlier than the event before.",
    ),
    "ce_subject": (_TEXT, "The stream: its category and the key."),
    "ce_mimolog": (_UUID, "The history that it belongs to; another one means that the log was restored from a backup."),
    "ce_mimoposition": (_NUMBER, "Its number in the whole log: 1, 2, 3 … in the order of commits."),
    "ce_mimooffset": (_NUMBER, "Its number in its partition: 1, 2, 3 … without gaps. Not Kafka's own offset."),
    "ce_mimoversion": (_NUMBER, "Its number in its stream: 1, 2, 3 … without gaps."),
    "ce_mimoactor": (_TEXT, "Who did it: `user:<id>`, `operator:<name>`, `worker` or `anonymous`."),
}
_OPTIONAL_HEADERS: dict[str, tuple[Schema, str]] = {
    "ce_correlationid": (_TEXT, "The request that it began with."),
    "ce_causationid": (_TEXT, "The event or command that caused it directly."),
    "ce_traceparent": (_TEXT, "W3C trace context of the request."),
}


def schema_name(name: str, version: int) -> str:
    """What the schema of an event is called: `MessageSent.v1`."""
    return f"{name}.v{version}"


def earlier_names() -> tuple[str, ...]:
    """The schemas of versions that came before the present ones; they were kept when a new version was made."""
    return tuple(
        schema_name(event.contract.name, version) for event in EVENTS for version in range(1, event.contract.schema)
    )


def event_schema(event_class: type[Event], texts: Texts) -> Schema:
    """The schema of an event's data as a record's value has them.

    Args:
        event_class: the event at its present version.
        texts: what its fields mean.
    """
    contract = event_class.contract
    personal = PERSONAL[contract.name]
    _, made = msgspec.json.schema_components([event_class], ref_template="{name}")
    (shape,) = made.values()  # more than one would need references: the data of an event are flat
    meanings = {name: text.replace("None", "null") for name, text in texts.get(event_class.__name__, {}).items()}
    properties = {
        name: held | ({"description": meanings[name]} if name in meanings else {})
        for name, held in shape["properties"].items()
        if name not in personal
    }
    required = [name for name in shape["required"] if name not in personal]
    if personal:
        properties[SEALED] = _token(contract.subject, {name: meanings.get(name, "") for name in personal})
        required.append(SEALED)
    return {
        "$schema": DIALECT,
        "$id": f"urn:mimo:{schema_name(contract.name, contract.schema)}",
        "title": type_of(contract.name, contract.schema).decode(),
        "description": what_happened(event_class),
        "type": "object",
        "properties": properties,
        "required": required,
        EXTENSION: {
            "topic": contract.topic,
            "stream": contract.stream,
            "key": contract.key,
            "subject": contract.subject,
            "personal": list(personal),
        },
    }


def headers_schema() -> Schema:
    """The schema of a record's headers, each read as UTF-8. Under `x-mimo`: where some keys go."""
    headers = _REQUIRED_HEADERS | _OPTIONAL_HEADERS
    return {
        "$schema": DIALECT,
        "$id": f"urn:mimo:{HEADERS_NAME}",
        "title": "Headers of a record",
        "description": "CloudEvents 1.0, binary content mode. Kafka headers are bytes: these are texts in UTF-8.",
        "type": "object",
        "properties": {name: held | {"description": text} for name, (held, text) in headers.items()},
        "required": list(_REQUIRED_HEADERS),
        EXTENSION: {
            "partitions": _PARTITIONS,
            "partition_of": {key: partition_of(key, _PARTITIONS) for key in _PARTITION_KEYS},
        },
    }


def all_schemas(texts: Texts, earlier: Mapping[str, Schema]) -> dict[str, Schema]:
    """Every schema by its name: the headers', then the events', an event's versions in order.

    Args:
        texts: what fields mean.
        earlier: the schemas that `earlier_names` asks for.
    """
    found = {HEADERS_NAME: headers_schema()}
    for event_class in EVENTS:
        name, present = event_class.contract.name, event_class.contract.schema
        found |= {kept: earlier[kept] for kept in (schema_name(name, version) for version in range(1, present))}
        found[schema_name(name, present)] = event_schema(event_class, texts)
    return found


def what_happened(event_class: type[Event]) -> str:
    """What the class says of itself, on one line."""
    return " ".join((event_class.__doc__ or "").split())


def type_in_words(member: Schema) -> str:
    """A member's type, for people."""
    match member:
        case {"const": value}:
            return f"`{value}`"
        case {"enum": values}:
            return " or ".join(f"`{value}`" for value in values)
        case {"anyOf": kinds}:
            return " or ".join(type_in_words(kind) for kind in kinds)
        case {"type": "array", "items": items}:
            return f"list of {type_in_words(items)}"
        case {"format": kind} | {"contentEncoding": kind}:
            return str(kind)
        case {"type": "string", "pattern": pattern}:
            return f"string, `{pattern}`"
    return str(member.get("type", "anything"))


def _token(subject: str, personal: Mapping[str, str]) -> Schema:
    held = ", ".join(f"`{name}` ({text[:1].lower()}{text[1:].rstrip('.')})" for name, text in personal.items())
    return {
        "type": "string",
        "contentEncoding": "base64",
        "description": f"Personal data, sealed with the key of the person in `{subject}`: only mimo can open it, and "
        f"nobody once that person was erased. It holds {held}.",
    }
