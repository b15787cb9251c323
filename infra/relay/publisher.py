"""Publishing events in Kafka transactions: all of them, or, as far as readers of committed records can see, none.

With `infra/relay/producer.py` this is all that touches aiokafka's transactional producer; the port `Publisher` is all
that the relay knows of it. Rules that it keeps (each has a test in tests/integration/test_relay_publisher.py):

- Every batch's own outcome is looked at before the commit: aiokafka would commit a transaction of which a batch was
  refused, and that would be a gap for ever.
- A record must land behind what its partition held before: in a topic that was made anew in the meantime it does not.
- After any doubt the producer is dropped, never stopped: stopping waits for a broker that may be away.

It must not know the log, nor who elected the relay.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Protocol

from aiokafka.errors import (
    InvalidProducerEpoch,
    KafkaError,
    MessageSizeTooLargeError,
    ProducerFenced,
    RecordListTooLargeError,
)
from aiokafka.producer.message_accumulator import BatchBuilder

from events.bookmark import Place
from events.cloudevents import to_headers
from events.recorded import Recorded
from infra.kafka.clients import PATIENCE_SECONDS, REQUEST_TIMEOUT_MS, undisturbed
from infra.kafka.cluster import Cluster
from infra.kafka.topics import MAX_RECORD_BYTES
from infra.relay.producer import DroppableProducer, look_at
from infra.relay.trouble import Deposed, Refusal, Unsettled

TRANSACTIONAL_ID = "mimo-relay"
BATCH_BYTES = 512 * 1024
COMPRESSION = "zstd"
"""A third to a twelfth of the bytes, which are kept for ever, and quicker than without (docs/performance.md)."""
TRANSACTION_TIMEOUT_MS = 10_000
FENCED = (ProducerFenced, InvalidProducerEpoch)
TOO_LARGE = (MessageSizeTooLargeError, RecordListTooLargeError)


@dataclass(frozen=True)
class Packed:
    """Events, encoded and ready to be sent in one transaction.

    Attributes:
        events: how many.
        last: the last of each partition.
        position: of the last of all.
        batches: for each partition, in order.
    """

    events: int
    last: Mapping[Place, Recorded]
    position: int
    batches: Mapping[Place, Sequence[Any]]


class Publisher(Protocol):
    """Publishes in transactions, one at a time. Not its job: knowing what is in the topics already; trying again."""

    async def start(self) -> None:
        """Takes over from whoever published before: ends their open transaction and fences them.

        Raises:
            Unsettled: Kafka is away.
        """

    def pack(self, events: Sequence[Recorded], log_id: bytes) -> Packed:
        """Encodes events, in order; may be done while a transaction is under way.

        Raises:
            Refusal: an event is larger than Kafka would take.
        """

    async def publish(self, packed: Packed) -> None:
        """Publishes them in one transaction.

        Raises:
            Deposed: another relay has taken over.
            Refusal: Kafka does not take a record. Nothing was published.
            Unsettled: nobody knows the outcome: drop the publisher and read where the partitions end.
        """

    async def end_hanging(self, places: Collection[Place]) -> None:
        """Ends transactions of an earlier relay that the broker has forgotten to end in these partitions.

        Raises:
            Deposed: another relay has taken over.
            Unsettled: Kafka is away.
        """

    async def drop(self) -> None:
        """Lets go of everything at once, whatever Kafka does. It cannot be used any more."""


class KafkaPublisher:
    """Implements `Publisher` with aiokafka.

    Args:
        cluster: where.
        ends: Kafka's own next offset of every partition, as far as is known; moved on with each transaction.
    """

    def __init__(self, cluster: Cluster, ends: dict[Place, int]) -> None:
        self._cluster = cluster
        self._ends = ends
        self._producer = DroppableProducer(
            **{
                **cluster.client_options("relay"),
                "request_timeout_ms": REQUEST_TIMEOUT_MS,
                "transactional_id": cluster.prefix + TRANSACTIONAL_ID,
                "transaction_timeout_ms": TRANSACTION_TIMEOUT_MS,
                "acks": "all",
                "linger_ms": 0,
                "max_batch_size": BATCH_BYTES,
                "compression_type": COMPRESSION,
            }
        )
        self._futures: list[asyncio.Future[Any]] = []

    async def start(self) -> None:
        """As the port says."""
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                await self._producer.start()
        except (KafkaError, OSError, TimeoutError) as error:
            raise Unsettled(_said(error)) from error

    def pack(self, events: Sequence[Recorded], log_id: bytes) -> Packed:
        """As the port says."""
        batches: dict[Place, list[BatchBuilder]] = {}
        last: dict[Place, Recorded] = {}
        new_batch = self._producer.create_batch
        for event in events:
            place = (event.topic, event.partition)
            last[place] = event
            builders = batches.get(place)
            if builders is None:
                builders = batches[place] = [new_batch()]
            key, value, at_ms = event.key.encode(), event.data.encode(), int(event.at.timestamp() * 1000)
            headers = to_headers(event, log_id)
            if builders[-1].append(timestamp=at_ms, key=key, value=value, headers=headers) is None:  # it is full
                builders.append(new_batch())
                builders[-1].append(timestamp=at_ms, key=key, value=value, headers=headers)
            if len(value) > BATCH_BYTES:  # a batch takes its first record, whatever its size
                _ensure_taken(event, builders[-1].size())
        return Packed(len(events), last, events[-1].position, batches)

    async def publish(self, packed: Packed) -> None:
        """As the port says."""
        async with _asking_kafka():
            try:
                await self._transact(packed)
            except TOO_LARGE as error:
                raise Refusal(
                    f"Kafka does not take a record before position {packed.position + 1} for its size: raise "
                    f"max.message.bytes of the topics and message.max.bytes of the brokers to {MAX_RECORD_BYTES}."
                ) from error

    async def end_hanging(self, places: Collection[Place]) -> None:
        """As the port says.

        A broker that is killed can lose the marker that ends a transaction in a partition. The marker of a later one by
        the same transactional id ends both; what it holds is aborted, so readers of committed records never see it.
        """
        async with _asking_kafka():
            await self._producer.begin_transaction()
            for topic, partition in places:
                await self._producer.send_and_wait(self._cluster.topic(topic), b"", partition=partition)
            await self._producer.abort_transaction()

    async def drop(self) -> None:
        """As the port says."""
        await undisturbed(self._producer.drop())
        for future in self._futures:
            look_at(future)

    async def _transact(self, packed: Packed) -> None:
        producer = self._producer
        await producer.begin_transaction()
        self._futures, places = [], []
        for place, builders in packed.batches.items():
            for builder in builders:
                future = await producer.send_batch(builder, self._cluster.topic(place[0]), partition=place[1])
                self._futures.append(future)
                places.append((place, builder.record_count()))
        for (place, records), future in zip(places, self._futures, strict=True):
            offset = (await future).offset
            if offset < self._ends[place]:
                raise Unsettled(f"{place[0]}.{place[1]} begins anew in Kafka: at {offset}, not {self._ends[place]}")
            self._ends[place] = offset + records
        await producer.commit_transaction()


@asynccontextmanager
async def _asking_kafka() -> AsyncIterator[None]:
    """Waits no longer than our patience for a transaction, and turns whatever comes of it into what the port says."""
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            yield
    except FENCED as error:
        raise Deposed(_said(error)) from error
    except (Refusal, Unsettled):
        raise
    except Exception as error:  # aiokafka raises assertions and more when its state is not what it thought
        raise Unsettled(_said(error)) from error


def _ensure_taken(event: Recorded, size: int) -> None:
    if size > MAX_RECORD_BYTES:
        raise Refusal(
            f"The event at position {event.position} makes a record of {size} bytes, more than the {MAX_RECORD_BYTES} "
            "that a topic takes: it is not published, nor anything after it."
        )


def _said(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}".rstrip(": ")
