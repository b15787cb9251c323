"""What a local broker is told."""

from pathlib import Path

from infra.kafka.configuration import HEAP_MB, java_arguments, port_of, properties, version_of


def told(text: str) -> dict[str, str]:
    return dict(line.split("=", 1) for line in text.splitlines())


def test_it_listens_on_this_machine_only() -> None:
    listeners = told(properties(9092, 9093, {}))["listeners"].split(",")
    assert [listener.partition("://")[2] for listener in listeners] == ["127.0.0.1:9092", "127.0.0.1:9093"]


def test_topics_are_never_made_by_a_slip() -> None:
    assert told(properties(1, 2, {}))["auto.create.topics.enable"] == "false"


def test_one_node_copies_nothing() -> None:
    settings = told(properties(1, 2, {}))
    copies = {name: value for name, value in settings.items() if name.endswith(("replication.factor", "min.isr"))}
    assert len(copies) == 5
    assert set(copies.values()) == {"1"}


def test_settings_of_a_caller_go_before_ours() -> None:
    text = properties(1, 2, {"num.io.threads": "9", "message.max.bytes": "5"})
    assert told(text)["num.io.threads"] == "9"
    assert told(text)["message.max.bytes"] == "5"
    assert text.count("num.io.threads") == 1


def test_the_port_can_be_read_back() -> None:
    assert port_of(properties(9092, 9093, {})) == 9092
    assert port_of("") is None


def test_the_heap_is_bounded() -> None:
    assert f"-Xmx{HEAP_MB}m" in java_arguments([]).splitlines()


def test_the_class_path_survives_spaces_quotes_and_backslashes() -> None:
    text = java_arguments([Path('/a b/"c"\\d/one.jar'), Path("/e/two.jar")])
    assert text.splitlines()[-1] == r'-cp "/a b/\"c\"\\d/one.jar:/e/two.jar"'.replace("-cp ", "")
    assert text.splitlines()[-2] == "-cp"


def test_kafkas_version_can_be_read_back() -> None:
    assert version_of(java_arguments([Path("/a/kafka-clients-4.3.0.jar"), Path("/a/kafka_2.13-4.4.0.jar")])) == "4.4.0"
    assert version_of("") is None
