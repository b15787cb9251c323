"""A broker that is killed can forget the end of a transaction in a partition: made by never telling the coordinator.

That needs a broker that does not ask its coordinator either, whether a partition belongs to a transaction.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import pytest_asyncio
from aiokafka import TopicPartition
from aiokafka.admin import RecordsToDelete
from prometheus_client import REGISTRY

from events.bookmark import Place
from events.messages import TOPIC as MESSAGES
from infra.ids import new_id
from infra.kafka.cluster import Cluster
from infra.kafka.topics import administration, delete_topics
from infra.relay import relay
from infra.relay.ends import End, read_ends
from infra.relay.hanging import TRIES, open_places
from infra.relay.producer import DroppableProducer
from infra.relay.progress import Progress, State
from infra.relay.publisher import KafkaPublisher, Packed
from tests.integration.one_relay import OneRelay, one_relay, until
from tests.kafka import throw_away_broker
from tests.topics import flaws_of_topics

NOTED = "select position from log.relay"
STOPPED = "select coalesce(stopped, '') <> '' from log.relay"
NEVER_SECONDS = 3600.0
OFTEN_SECONDS = 0.05
RECORD_AND_MARKER = 2


@pytest.fixture(scope="module")
def gullible_broker() -> Iterator[str]:
    with throw_away_broker({"transaction.partition.verification.enable": "false"}) as broker:
        yield broker.bootstrap


@pytest_asyncio.fixture(loop_scope="session")
async def one(database_url: str, gullible_broker: str) -> AsyncIterator[OneRelay]:
    async with one_relay(database_url, gullible_broker) as one:
        yield one


class Forgetful(KafkaPublisher):
    """The end of its first transaction never gets to the first partition of the messages."""

    forgotten: Place | None = None

    async def publish(self, packed: Packed) -> None:
        if self.forgotten is not None:
            await super().publish(packed)
            return
        self.forgotten = min(place for place in packed.batches if place[0] == MESSAGES)
        topic = self._cluster.topic(self.forgotten[0])
        _keep_from_coordinator(self._producer, TopicPartition(topic, self.forgotten[1]))
        await super().publish(packed)


class First:
    """Makes one forgetful publisher, and after that those of always."""

    def __init__(self) -> None:
        self.made: list[KafkaPublisher] = []

    def __call__(self, cluster: Cluster, ends: dict[Place, int]) -> KafkaPublisher:
        self.made.append(KafkaPublisher(cluster, ends) if self.made else Forgetful(cluster, ends))
        return self.made[-1]


def _keep_from_coordinator(producer: DroppableProducer, partition: TopicPartition) -> None:
    """The producer writes into this partition without telling the coordinator that it belongs to the transaction."""
    manager: Any = producer._txn_manager
    tell = manager.maybe_add_partition_to_txn
    manager.maybe_add_partition_to_txn = lambda tp: None if tp == partition else tell(tp)


async def hang(one: OneRelay, monkeypatch: pytest.MonkeyPatch) -> Place:
    """Lets a relay copy all there is, the end of it forgotten in one partition; gives that."""
    first = First()
    with monkeypatch.context() as patched:
        patched.setattr(relay, "WATCH_SECONDS", NEVER_SECONDS)
        async with one.running(new_publisher=first):
            await one.until(NOTED, len(one.log.events))
    (place,) = open_places(await ends(one))
    assert place == first.made[0].forgotten  # type: ignore[attr-defined]
    return place


async def ends(one: OneRelay) -> dict[Place, End]:
    places = {(event.topic, event.partition) for event in one.log.events}
    return await read_ends(one.cluster, sorted(places))


async def test_a_transaction_that_never_ended_is_ended_by_the_next_relay(
    one: OneRelay, monkeypatch: pytest.MonkeyPatch
) -> None:
    await one.write(30)
    await hang(one, monkeypatch)
    await one.write(10)
    async with one.running():
        await one.until_copied()
        await until(lambda: one.progress.unready() is None, "it is ready")
    assert open_places(await ends(one)) == []


async def test_a_transaction_that_does_not_end_under_a_running_relay_is_ended(
    one: OneRelay, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay, "WATCH_SECONDS", OFTEN_SECONDS)
    await one.write(30)
    first = First()
    async with one.running(new_publisher=first):
        await one.until_copied()  # as readers of committed records see it
        assert len(first.made) > 1


async def test_a_note_of_what_was_aborted_is_not_believed(one: OneRelay, monkeypatch: pytest.MonkeyPatch) -> None:
    await one.write(30)
    async with one.running():
        await one.until_copied()
    expired = {(event.topic, event.partition): event.offset for event in one.log.events if event.topic == MESSAGES}
    async with administration(one.cluster) as admin:
        named = {TopicPartition(one.cluster.topic(topic), number): RecordsToDelete(-1) for topic, number in expired}
        await admin.delete_records(named)
    await one.write(10)
    place = await hang(one, monkeypatch)
    progress = Progress()
    async with one.running(progress):
        await until(lambda: progress.state is State.ACTIVE, "it goes on")
        await one.until(NOTED, len(one.log.events))
    del expired[place]  # filled anew
    assert not await flaws_of_topics(one.url, one.cluster, expired=expired)


async def test_what_cannot_be_ended_stops_it_and_it_says_what_to_do(
    one: OneRelay, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay, "LOOK_AGAIN_SECONDS", OFTEN_SECONDS)
    await one.write(30)
    async with one.running():
        await one.until_copied()
    place = min(event.partition for event in one.log.events if event.topic == MESSAGES)
    await leave_open(one.cluster, one.cluster.topic(MESSAGES), place)
    before = (await ends(one))[MESSAGES, place]
    async with one.running():
        await until(lambda: one.progress.state is State.STOPPED, "it stops")
        await one.until(STOPPED, True)
        topic = one.cluster.topic(MESSAGES)
        assert f"abort --topic {topic} --partition {place} --start-offset {before.end}" in one.progress.reason
        stopped = refusals()
        await until(lambda: refusals() > stopped + 2 * TRIES, "it looks again and again")
        left = (await ends(one))[MESSAGES, place]
        assert left.end == before.end
        assert left.written <= before.written + TRIES * RECORD_AND_MARKER, "it does not try for ever"
        await delete_topics(one.cluster, [MESSAGES])
        await one.until_copied()


def refusals() -> float:
    return REGISTRY.get_sample_value("mimo_relay_refusals_total") or 0.0


async def leave_open(cluster: Cluster, topic: str, partition: int) -> None:
    """A stranger's transaction that its coordinator knows nothing of."""
    producer = DroppableProducer(**cluster.client_options("stranger"), transactional_id=new_id().hex)
    await producer.start()
    try:
        await producer.begin_transaction()
        _keep_from_coordinator(producer, TopicPartition(topic, partition))
        await producer.send_and_wait(topic, b"?", partition=partition)
    finally:
        await producer.drop()
