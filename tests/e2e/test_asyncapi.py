"""The AsyncAPI document, read with its official parser, as somebody outside the project would read it."""

import json
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from events.catalog import EVENTS, TOPICS
from events.contract.documents import ASYNCAPI
from events.partition import DEFAULT_PARTITIONS
from tests.system import ROOT
from tests.tools import node, node_packages

DOCUMENT = ROOT / "docs" / ASYNCAPI
PARSER = ROOT / "tests" / "e2e" / "asyncapi"
WARNING = 1
"""The parser's severities: 0 error, 1 warning, 2 information."""

Seen = dict[str, Any]


def parse(document: Path) -> Seen:
    """What the official parser makes of a document."""
    seen: Seen = json.loads(node(PARSER / "parse.mjs", str(node_packages(PARSER)), str(document)))
    return seen


@pytest.fixture(scope="module")
def seen() -> Seen:
    return parse(DOCUMENT)


def test_the_parser_finds_nothing_wrong(seen: Seen) -> None:
    assert [found for found in seen["diagnostics"] if found["severity"] <= WARNING] == []


def test_the_channels_are_the_topics_with_the_settings_they_are_made_with(seen: Seen) -> None:
    assert [channel["address"] for channel in seen["channels"]] == list(TOPICS)
    for channel in seen["channels"]:
        assert (channel["kafka"]["topic"], channel["kafka"]["partitions"]) == (channel["address"], DEFAULT_PARTITIONS)
        settings = channel["kafka"]["topicConfiguration"]
        assert (settings["cleanup.policy"], settings["retention.ms"]) == (["delete"], -1)


def test_a_message_tells_its_headers_data_key_and_correlation(seen: Seen) -> None:
    sent: dict[str, list[str]] = {topic: [] for topic in TOPICS}
    for event in EVENTS:
        sent[event.contract.topic].append(f"app.mimo.{event.contract.name}.v{event.contract.schema}")
    for channel in seen["channels"]:
        assert [message["name"] for message in channel["messages"]] == sent[channel["address"]]
        for message in channel["messages"]:
            assert message["contentType"] == "application/json"
            assert message["correlation"] == "$message.header#/ce_correlationid"
            assert message["kafka"]["key"]["format"] == "uuid"


def test_the_examples_are_as_the_schemas_in_the_document_say(seen: Seen) -> None:
    for message in (message for channel in seen["channels"] for message in channel["messages"]):
        (example,) = message["examples"]
        jsonschema_rs.validate(message["headers"], example["headers"], validate_formats=True)
        jsonschema_rs.validate(message["payload"], example["payload"], validate_formats=True)
        other = example["headers"] | {"ce_type": "app.mimo.SomethingElse.v1"}
        assert not jsonschema_rs.is_valid(message["headers"], other)


def test_there_is_one_operation_per_topic_with_all_that_consumers_receive(seen: Seen) -> None:
    assert [(o["action"], o["channels"]) for o in seen["operations"]] == [("send", [topic]) for topic in TOPICS]
    for operation, channel in zip(seen["operations"], seen["channels"], strict=True):
        assert operation["messages"] == [message["name"] for message in channel["messages"]]


def test_servers_are_variables_with_and_without_tls(seen: Seen) -> None:
    plain, tls = seen["servers"]
    assert (plain["protocol"], tls["protocol"]) == ("kafka", "kafka-secure")
    assert plain["variables"] == tls["variables"] == ["host", "port"]
    assert (plain["security"], tls["security"]) == ([], ["scramSha512", "scramSha256", "plain", "X509"])


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ('"action": "send"', '"action": "shout"'),
        ("#/components/schemas/Enrolled.v1", "#/components/schemas/Enroled.v1"),
        ('"cleanup.policy": [', '"cleanup.policy": ["sometimes", '),
    ],
)
def test_the_parser_would_notice(right: str, wrong: str, tmp_path: Path) -> None:
    text = DOCUMENT.read_text()
    assert right in text
    spoilt = tmp_path / "asyncapi.json"
    spoilt.write_text(text.replace(right, wrong, 1))
    assert [found for found in parse(spoilt)["diagnostics"] if found["severity"] <= WARNING]


def test_the_lock_of_the_parser_names_no_registry() -> None:
    packages = json.loads((PARSER / "package-lock.json").read_text())["packages"]
    assert all(held["integrity"].startswith("sha512-") for name, held in packages.items() if name)
    assert not [name for name, held in packages.items() if "resolved" in held]
