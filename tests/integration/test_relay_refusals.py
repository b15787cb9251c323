"""When the relay must not go on: it stops, says why, publishes nothing, and goes on by itself once that is mended."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import pytest_asyncio
from aiokafka import AIOKafkaProducer
from aiokafka.admin import NewTopic

from events.catalog import TOPICS
from events.messages import TOPIC as MESSAGES
from events.messages import MessageSent
from infra.ids import new_id
from infra.kafka.topics import MAX_RECORD_BYTES, administration, delete_topics, ensure_topics
from infra.relay.progress import Progress, State
from infra.relay.publisher import KafkaPublisher
from infra.relay.source import FIRST_EVENTS
from infra.relay.trouble import Unsettled
from tests.integration.one_relay import OneRelay, one_relay, until
from tests.topics import read_topics

STOPPED = "select coalesce(stopped, '') from log.relay"
RENEW = "update log.installation set log_id = gen_random_uuid()"
FEWER = "delete from log.event where position > 60"
OTHERS = "update log.event set id = gen_random_uuid() where position > 60"
PATIENCE_SECONDS = 30


@pytest_asyncio.fixture(loop_scope="session")
async def one(database_url: str, kafka_server: str) -> AsyncIterator[OneRelay]:
    async with one_relay(database_url, kafka_server) as one:
        yield one


async def until_stopped(one: OneRelay, why: str) -> None:
    """Waits until the relay says so everywhere."""
    await until(lambda: one.progress.state is State.STOPPED, "it stops")
    assert why in (one.progress.unready() or "")
    async with asyncio.timeout(PATIENCE_SECONDS):
        while why not in await one.admin.fetchval(STOPPED):  # noqa: ASYNC110
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("running", [False, True], ids=["while it was down", "under it"])
@pytest.mark.parametrize(
    ("restore", "why"),
    [(FEWER, "in the log"), (OTHERS, "in the log"), (RENEW, "another history")],
    ids=["fewer events", "other events", "another history"],
)
async def test_a_restored_backup_stops_it_and_it_publishes_nothing(
    one: OneRelay, restore: str, why: str, running: bool
) -> None:
    await one.write(80)
    async with one.running():
        await one.until_copied()
        if running:
            await one.admin.execute(restore)
            await until_stopped(one, why)
    if not running:
        await one.admin.execute(restore)
    before = await read_topics(one.cluster, one.log.partitions)
    async with one.running():
        await until_stopped(one, why)
        assert "mimo log renew" in one.progress.reason
        assert "MIMO_KAFKA_PREFIX" in one.progress.reason, "deleting another installation's topics is no remedy"
        assert await read_topics(one.cluster, one.log.partitions) == before

        await one.admin.execute(RENEW)  # what `mimo log renew` does
        await delete_topics(one.cluster, TOPICS)
        await one.until_copied()
        await one.until(STOPPED, "")
        assert one.progress.unready() is None


async def test_what_the_log_gained_since_the_restore_does_not_hide_it(one: OneRelay) -> None:
    await one.write(80)
    async with one.running():
        await one.until_copied()
    before = await read_topics(one.cluster, one.log.partitions)
    await one.admin.execute("truncate log.event")
    one.begin_anew()
    await one.write(200)
    async with one.running():
        await until_stopped(one, "in the log")
        assert await read_topics(one.cluster, one.log.partitions) == before


class Counting(Progress):
    """Counts how often a relay had to begin anew."""

    begun = 0

    def initialising(self) -> None:
        self.begun += 1
        super().initialising()


async def test_a_relay_of_another_log_does_not_disturb_the_one_that_is_right(
    one: OneRelay, shared_database_url: str, kafka_server: str
) -> None:
    right = Counting()
    async with one_relay(shared_database_url, kafka_server) as other:
        other.cluster = one.cluster
        await one.write(30)
        async with one.running(right):
            await one.until_copied()
            async with other.running():
                await until_stopped(other, "another history")
                await one.write(30)
                await one.until_copied()
                await until(lambda: other.progress.state is State.STOPPED, "it stays so")
        assert right.begun == 1


async def test_an_event_that_is_too_large_stops_it_and_leaves_no_gap(one: OneRelay) -> None:
    await one.write(20)
    data = '{"text":"' + "x" * MAX_RECORD_BYTES + '"}'
    one.log.add(MessageSent(channel_id=new_id(), author_id=one.log.person(), text="large"), data=data)
    await one.write(20)
    async with one.running():
        await until_stopped(one, "a record of")
        assert not [place for place, events in (await read_topics(one.cluster, 12)).items() if events]
        await one.admin.execute("update log.event set data = '{}' where length(data::text) > 100000")
        await one.until_copied()


async def test_what_comes_before_an_event_that_is_too_large_is_published(one: OneRelay) -> None:
    """Though it is found while the batch before it is under way, on every try."""
    await one.write(FIRST_EVENTS)
    data = '{"text":"' + "x" * MAX_RECORD_BYTES + '"}'
    one.log.add(MessageSent(channel_id=new_id(), author_id=one.log.person(), text="large"), data=data)
    await one.write(20)
    async with one.running():
        await until_stopped(one, "a record of")
        held = await read_topics(one.cluster, one.log.partitions)
    first = {event.id for event in one.log.events[:FIRST_EVENTS]}
    assert {published.recorded.id for some in held.values() for published in some} == first


class Away(KafkaPublisher):
    """Kafka goes away when a publisher starts."""

    async def start(self) -> None:
        raise Unsettled("the test says so")


async def test_a_refusal_that_was_mended_is_not_shown_when_kafka_goes_away_right_then(one: OneRelay) -> None:
    await one.write(20)
    await ensure_topics(one.cluster, TOPICS, one.log.partitions + 1)
    async with one.running(new_publisher=Away):
        await until_stopped(one, "partitions")
        await delete_topics(one.cluster, TOPICS)
        await one.until(STOPPED, "")
        assert "the test says so" in (one.progress.unready() or "")


async def test_a_topic_that_this_version_does_not_know_stops_it(one: OneRelay) -> None:
    await one.write(20)
    await one.admin.execute("update log.event set topic = 'mimo.newer' where topic = $1", MESSAGES)
    async with one.running():
        await until_stopped(one, "upgrade")


async def test_topics_with_another_number_of_partitions_stop_it(one: OneRelay) -> None:
    await one.write(20)
    await ensure_topics(one.cluster, TOPICS, one.log.partitions + 1)
    async with one.running():
        await until_stopped(one, "partitions")
        await delete_topics(one.cluster, TOPICS)
        await one.until_copied()


async def test_a_compacted_topic_stops_it(one: OneRelay) -> None:
    name = one.cluster.topic(MESSAGES)
    async with administration(one.cluster) as admin:
        await admin.create_topics([NewTopic(name, 12, 1, topic_configs={"cleanup.policy": "compact"})])
    async with one.running():
        await until_stopped(one, "compacted")


async def test_a_strangers_open_transaction_is_waited_for(one: OneRelay) -> None:
    await one.write(20)
    async with one.running():
        await one.until_copied()
    partition = one.log.events[0].partition
    async with transaction(one) as producer:
        await producer.send_and_wait(one.cluster.topic(one.log.events[0].topic), b"?", partition=partition)
        async with one.running():
            await until(lambda: "a transaction open" in (one.progress.unready() or ""), "it says what it waits for")
            await producer.abort_transaction()
            await one.write(20)
            await one.until_copied()


@asynccontextmanager
async def transaction(one: OneRelay) -> AsyncIterator[AIOKafkaProducer]:
    producer = AIOKafkaProducer(**one.cluster.client_options("stranger"), transactional_id=new_id().hex)
    await producer.start()
    try:
        await producer.begin_transaction()
        yield producer
    finally:
        await producer.stop()
