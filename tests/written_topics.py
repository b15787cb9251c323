"""Topics written by hand: records as the relay writes them, and what a relay that keeps the rules never leaves behind.

The history that they tell is a `WrittenLog`. It must not know who reads them.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from uuid import UUID

from aiokafka import AIOKafkaProducer

from events.catalog import TOPICS
from events.cloudevents import history_header, to_headers
from events.contract.examples import HISTORY
from events.recorded import Recorded
from infra.ids import new_id
from infra.kafka.cluster import Cluster
from infra.kafka.topics import delete_topics, ensure_topics


class WrittenTopics:
    """The topics of one installation, under a prefix of their own. Use `written_topics`."""

    def __init__(self, cluster: Cluster, partitions: int, producer: AIOKafkaProducer) -> None:
        self.cluster = cluster
        self._partitions = partitions
        self._producer = producer

    async def write(self, events: Iterable[Recorded], log_id: UUID = HISTORY, *, abort: bool = False) -> None:
        """Publishes events in one transaction.

        Args:
            events: what to publish, in order, whatever is in the topics already.
            log_id: the history that they say they belong to.
            abort: end the transaction so that readers of committed records never see them.
        """
        await self._producer.begin_transaction()
        for event in events:
            await self._producer.send_and_wait(
                self.cluster.topic(event.topic),
                key=event.key.encode(),
                value=event.data.encode(),
                partition=event.partition,
                timestamp_ms=int(event.at.timestamp() * 1000),
                headers=to_headers(event, history_header(log_id)),
            )
        await (self._producer.abort_transaction() if abort else self._producer.commit_transaction())

    async def make_anew(self) -> None:
        """Deletes the topics and makes them again, empty."""
        await delete_topics(self.cluster, TOPICS)
        await ensure_topics(self.cluster, TOPICS, self._partitions)


@asynccontextmanager
async def written_topics(bootstrap: str, partitions: int) -> AsyncIterator[WrittenTopics]:
    """Empty topics with a prefix of their own, deleted at the end.

    Args:
        bootstrap: the broker.
        partitions: of each topic.
    """
    cluster = Cluster(bootstrap, prefix=f"written-{new_id().hex}-")
    await ensure_topics(cluster, TOPICS, partitions)
    producer = AIOKafkaProducer(**cluster.client_options("tests"), transactional_id=f"{cluster.prefix}tests")
    await producer.start()
    try:
        yield WrittenTopics(cluster, partitions, producer)
    finally:
        await producer.stop()
        await delete_topics(cluster, TOPICS)
