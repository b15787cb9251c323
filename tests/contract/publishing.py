"""Puts records into a cluster's topics as the relay does, and in ways that it never would.

It must not know the relay: what is tested here must hold whoever published.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from itertools import count
from uuid import UUID

from aiokafka import AIOKafkaProducer
from aiokafka.admin import RecordsToDelete
from aiokafka.structs import TopicPartition

from events.bookmark import Place
from events.cloudevents import Header, history_header, to_headers
from events.recorded import Recorded
from infra.kafka.cluster import Cluster
from infra.kafka.topics import administration, delete_topics, ensure_topics

EVENTS_A_TRANSACTION = 2_000
_numbers = count()


def own_cluster(bootstrap: str) -> Cluster:
    """A cluster as nobody else of this run sees it: with a prefix of its own."""
    return Cluster(bootstrap, prefix=f"t{next(_numbers)}.")


class Publisher:
    """A transactional producer and the topics of one test.

    Args:
        cluster: with a prefix of its own.
        producer: started, with a transactional id.
        topics: as the log knows them.
        partitions: of each.
    """

    def __init__(self, cluster: Cluster, producer: AIOKafkaProducer, topics: Sequence[str], partitions: int) -> None:
        self.cluster, self.producer, self.topics, self.partitions = cluster, producer, tuple(topics), partitions

    async def publish(self, events: Sequence[Recorded], log_id: UUID) -> None:
        """Publishes events as they should be."""
        header = history_header(log_id)
        for start in range(0, len(events), EVENTS_A_TRANSACTION):
            async with self.producer.transaction():
                await self.send(events[start : start + EVENTS_A_TRANSACTION], header)

    async def abort(self, events: Sequence[Recorded], log_id: UUID) -> None:
        """Publishes events in a transaction that is given up."""
        await self.producer.begin_transaction()
        await self.send(events, history_header(log_id))
        await self.producer.abort_transaction()

    async def send(self, events: Sequence[Recorded], log_id: bytes) -> None:
        """Sends events within a transaction; returns when the broker has them."""
        sent = [
            await self.producer.send(
                self.cluster.topic(event.topic),
                value=event.data.encode(),
                key=event.key.encode(),
                partition=event.partition,
                headers=to_headers(event, log_id),
            )
            for event in events
        ]
        for one in sent:
            await one

    async def put(self, place: Place, key: bytes | None, value: bytes | None, headers: Sequence[Header] = ()) -> None:
        """Puts any record into a partition."""
        async with self.producer.transaction():
            await self.producer.send_and_wait(
                self.cluster.topic(place[0]), value=value, key=key, partition=place[1], headers=list(headers)
            )

    async def make_topics(self) -> None:
        """Makes the topics anew."""
        await ensure_topics(self.cluster, self.topics, self.partitions)

    async def delete_topics(self) -> None:
        """Deletes the topics with all that is in them."""
        await delete_topics(self.cluster, self.topics)

    async def delete_records(self, place: Place, before: int = -1) -> None:
        """Deletes the oldest records of a partition, as retention would.

        Args:
            place: the partition.
            before: Kafka's offset of the first to stay; -1: none stays.
        """
        async with administration(self.cluster) as admin:
            tp = TopicPartition(self.cluster.topic(place[0]), place[1])
            await admin.delete_records({tp: RecordsToDelete(before_offset=before)})


@asynccontextmanager
async def producing(cluster: Cluster) -> AsyncIterator[AIOKafkaProducer]:
    """A transactional producer; a later one ends what an earlier one left open."""
    producer = AIOKafkaProducer(**cluster.client_options("test"), transactional_id=f"{cluster.prefix}test", linger_ms=5)
    try:
        await producer.start()
        yield producer
    finally:
        await producer.stop()


@asynccontextmanager
async def publisher(cluster: Cluster, topics: Sequence[str], partitions: int) -> AsyncIterator[Publisher]:
    """Topics of a test's own, which are deleted at the end."""
    await ensure_topics(cluster, topics, partitions)
    try:
        async with producing(cluster) as producer:
            yield Publisher(cluster, producer, topics, partitions)
    finally:
        await delete_topics(cluster, topics)
