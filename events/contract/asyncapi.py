"""The AsyncAPI 3.0 document: what mimo sends, where, and how to connect.

Sources: the specification 3.0.0 and the Kafka bindings 0.5.0. It must not know any real host, nor how topics are made:
their settings are handed over.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from events.catalog import EVENTS, TOPICS
from events.cloudevents import CONTENT_TYPE, history_header, to_headers
from events.contract.examples import EXAMPLES, HISTORY, example_record
from events.contract.schemas import EXTENSION, HEADERS_NAME, Schema, schema_name
from events.event import Event

BINDING = "0.5.0"
_NUMBERS = ("retention.ms", "retention.bytes", "max.message.bytes")
"""What consumers may want to know of a topic's settings, beside what it keeps."""
_NOT_INSIDE = ("$schema", "$id")
"""Said once by the document, not by each schema in it."""

DESCRIPTION = """\
Every event of mimo, as CloudEvents 1.0 in binary content mode. Order is promised within a partition, so for each key, \
and not across topics. Read with `isolation.level=read_committed`. `ce_mimooffset` counts the events of a partition \
without gaps: skip what you have seen, and stop where one is missing. Ignore members and headers that you do not know. \
An installation may put a prefix before the names of its topics. `docs/consumers.md` tells more."""

_SECURITY: dict[str, dict[str, str]] = {
    "scramSha512": {"type": "scramSha512", "description": "SASL SCRAM-SHA-512."},
    "scramSha256": {"type": "scramSha256", "description": "SASL SCRAM-SHA-256."},
    "plain": {"type": "plain", "description": "SASL PLAIN, over TLS only."},
    "certificate": {"type": "X509", "description": "TLS with a certificate of the client's."},
}


@dataclass(frozen=True)
class Distribution:
    """How topics are made.

    Args:
        partitions: of each topic, unless the installation was made with another number.
        settings: of each topic, by Kafka's names.
    """

    partitions: int
    settings: Mapping[str, str]


def asyncapi(version: str, schemas: Mapping[str, Schema], distribution: Distribution) -> dict[str, Any]:
    """The document.

    Args:
        version: of mimo.
        schemas: every schema by its name, the headers' too.
        distribution: how topics are made.
    """
    sent = {topic: [n for n, s in schemas.items() if s[EXTENSION].get("topic") == topic] for topic in TOPICS}
    return {
        "asyncapi": "3.0.0",
        "id": "urn:mimo",
        "info": {"title": "mimo", "version": version, "description": DESCRIPTION},
        "defaultContentType": CONTENT_TYPE.decode(),
        "servers": {"plain": _server("kafka", "Without TLS.", []), "tls": _server("kafka-secure", "TLS.", _SECURITY)},
        "channels": {_noun(topic): _channel(topic, names, distribution) for topic, names in sent.items()},
        "operations": {f"send_{_noun(topic)}": _operation(topic, names) for topic, names in sent.items()},
        "components": {
            "messages": {name: _message(name, schemas[name]) for names in sent.values() for name in names},
            "schemas": {name: _inside(schema) for name, schema in schemas.items()},
            "correlationIds": {
                "request": {
                    "description": "The request that it began with.",
                    "location": "$message.header#/ce_correlationid",
                }
            },
            "securitySchemes": _SECURITY,
        },
    }


def _noun(topic: str) -> str:
    return topic.rpartition(".")[2]


def _server(protocol: str, description: str, security: Iterable[str]) -> dict[str, Any]:
    server = {
        "host": "{host}:{port}",
        "protocol": protocol,
        "description": description,
        "variables": {
            "host": {"default": "localhost", "description": "A broker of the installation's cluster."},
            "port": {"default": "9092", "description": "Its port."},
        },
    }
    schemes = [{"$ref": f"#/components/securitySchemes/{name}"} for name in security]
    return server | ({"security": schemes} if schemes else {})


def _channel(topic: str, names: Iterable[str], distribution: Distribution) -> dict[str, Any]:
    return {
        "address": topic,
        "title": topic,
        "description": f"In order within each partition; the key decides the partition. {_keys(topic)}",
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in names},
        "bindings": {
            "kafka": {
                "topic": topic,
                "partitions": distribution.partitions,
                "topicConfiguration": {
                    "cleanup.policy": distribution.settings["cleanup.policy"].split(","),
                    **{name: int(distribution.settings[name]) for name in _NUMBERS},
                },
                "bindingVersion": BINDING,
            }
        },
    }


def _keys(topic: str) -> str:
    keys = dict.fromkeys(event.contract.key for event in EVENTS if event.contract.topic == topic)
    return f"Key: {', '.join(f'`{key}`' for key in keys)}."


def _operation(topic: str, names: Iterable[str]) -> dict[str, Any]:
    return {
        "action": "send",
        "channel": {"$ref": f"#/channels/{_noun(topic)}"},
        "title": topic,
        "summary": f"What consumers of `{topic}` receive.",
        "messages": [{"$ref": f"#/channels/{_noun(topic)}/messages/{name}"} for name in names],
    }


def _message(name: str, schema: Schema) -> dict[str, Any]:
    """A message; the present versions have an example."""
    key = schema["properties"][schema[EXTENSION]["key"]]
    message = {
        "name": schema["title"],
        "title": name,
        "summary": schema["description"],
        "contentType": CONTENT_TYPE.decode(),
        "headers": {
            "allOf": [
                {"$ref": f"#/components/schemas/{HEADERS_NAME}"},
                {"type": "object", "properties": {"ce_type": {"const": schema["title"]}}},
            ]
        },
        "payload": {"$ref": f"#/components/schemas/{name}"},
        "correlationId": {"$ref": "#/components/correlationIds/request"},
        "bindings": {"kafka": {"key": key, "bindingVersion": BINDING}},
    }
    examples = [example_message(e) for e in EXAMPLES if schema_name(e.contract.name, e.contract.schema) == name]
    return message | ({"examples": examples} if examples else {})


def example_message(event: Event) -> dict[str, Any]:
    """An example's record: its headers as texts, and its data."""
    record = example_record(event)
    headers = {name: value.decode() for name, value in to_headers(record, history_header(HISTORY))}
    return {"name": event.contract.name, "headers": headers, "payload": json.loads(record.data)}


def _inside(schema: Schema) -> Schema:
    return {name: held for name, held in schema.items() if name not in _NOT_INSIDE}
