"""The topics of an installation on a real broker: made, checked, put right, deleted."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from aiokafka import AIOKafkaProducer
from aiokafka.admin import NewTopic

from events.errors import CannotStart
from infra.ids import new_id
from infra.kafka.cluster import Cluster, Unreachable
from infra.kafka.inspection import inspect_topics
from infra.kafka.topics import MAX_RECORD_BYTES, administration, delete_topics, ensure_topics, topic_settings

NAMES = ("one", "two")
PARTITIONS = 3


@pytest_asyncio.fixture(loop_scope="session")
async def cluster(kafka_server: str) -> AsyncIterator[Cluster]:
    cluster = Cluster(kafka_server, prefix=f"topics-{new_id().hex}-")
    yield cluster
    await delete_topics(cluster, NAMES)


async def make(cluster: Cluster, name: str, partitions: int, **settings: str) -> None:
    """Makes a topic as somebody else would."""
    async with administration(cluster) as admin:
        configs = {setting.replace("_", "."): value for setting, value in settings.items()}
        await admin.create_topics([NewTopic(cluster.topic(name), partitions, 1, topic_configs=configs)])


async def test_missing_topics_are_made_with_our_settings_and_present_ones_left_alone(cluster: Cluster) -> None:
    await ensure_topics(cluster, NAMES[:1], PARTITIONS)
    await ensure_topics(cluster, NAMES, PARTITIONS)
    found = await inspect_topics(cluster, NAMES)
    assert set(found) == set(NAMES)
    for topic in found.values():
        assert topic.partitions == PARTITIONS
        assert topic.settings.items() >= topic_settings(1).items()


async def test_an_empty_topic_that_a_broker_made_by_itself_is_put_right(cluster: Cluster) -> None:
    await make(cluster, "one", 1, retention_ms="1000")
    await ensure_topics(cluster, NAMES, PARTITIONS)
    found = (await inspect_topics(cluster, NAMES))["one"]
    assert found.partitions == PARTITIONS
    assert found.settings["retention.ms"] == "-1"


async def test_a_topic_of_another_size_that_holds_something_is_refused(cluster: Cluster) -> None:
    await make(cluster, "one", 1)
    producer = AIOKafkaProducer(**cluster.client_options("test"))
    await producer.start()
    await producer.send_and_wait(cluster.topic("one"), b"something")
    await producer.stop()
    with pytest.raises(CannotStart, match="has 1 partitions, the log 3: delete the topic"):
        await ensure_topics(cluster, NAMES[:1], PARTITIONS)
    await make(cluster, "two", PARTITIONS + 1)
    with pytest.raises(CannotStart, match="partitions"):
        await ensure_topics(cluster, NAMES[1:], PARTITIONS)


@pytest.mark.parametrize(
    ("setting", "value", "why"),
    [
        ("cleanup_policy", "compact", "compacted"),
        ("max_message_bytes", str(MAX_RECORD_BYTES - 1), "refuses large events"),
    ],
)
async def test_a_topic_that_would_lose_or_refuse_events_is_refused(
    cluster: Cluster, setting: str, value: str, why: str
) -> None:
    await make(cluster, "one", PARTITIONS, **{setting: value})
    with pytest.raises(CannotStart, match=why):
        await ensure_topics(cluster, NAMES, PARTITIONS)


async def test_more_copies_than_there_are_brokers_are_refused_in_words(kafka_server: str) -> None:
    cluster = Cluster(kafka_server, prefix=f"copies-{new_id().hex}-", replication=3)
    with pytest.raises(CannotStart, match="does not make the topic"):
        await ensure_topics(cluster, NAMES, PARTITIONS)


async def test_only_what_is_there_is_deleted(cluster: Cluster) -> None:
    await ensure_topics(cluster, NAMES[:1], PARTITIONS)
    assert await delete_topics(cluster, NAMES) == [cluster.topic("one")]
    assert await delete_topics(cluster, NAMES) == []


async def test_a_cluster_that_is_away_is_said_to_be() -> None:
    with pytest.raises(Unreachable, match=r"Kafka at 127\.0\.0\.1:9 cannot be reached"):
        await ensure_topics(Cluster("127.0.0.1:9"), NAMES, PARTITIONS)
