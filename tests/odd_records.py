"""Batches with records that aiokafka's own producer cannot write: names of headers that are not UTF-8.

It must not know who reads them.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from unittest import mock

from aiokafka import AIOKafkaProducer
from aiokafka.producer import message_accumulator
from aiokafka.record.default_records import _DefaultRecordBatchBuilderPy

from events.bookmark import Place
from events.cloudevents import Header, history_header, to_headers
from events.contract.examples import HISTORY
from events.recorded import Recorded
from infra.ids import new_id
from infra.kafka.cluster import Cluster

Parts = tuple[bytes | None, bytes | None, list[Header]]
"""Key, value and headers of a record."""


class OddName(str):
    """A header's name that looks like any other until it is written: then it is no UTF-8."""

    __slots__ = ()

    def encode(self, *_: str) -> bytes:
        return b"\xff\xfe"


ODD: Parts = (b"key", b"value", [(OddName("odd"), b"v")])
ODD_HEADERS = '[["\\\\xff\\\\xfe","dg=="]]'
"""As a dead letter has them."""


def parts_of(event: Recorded, log_id: bytes = history_header(HISTORY)) -> Parts:
    """An event's record, as the relay writes it."""
    return event.key.encode(), event.data.encode(), to_headers(event, log_id)


class OddProducer:
    """Use `odd_producer`."""

    def __init__(self, cluster: Cluster, producer: AIOKafkaProducer) -> None:
        self._cluster = cluster
        self._producer = producer

    async def write(self, place: Place, records: Sequence[Parts]) -> None:
        """Puts records into a partition: one batch, in a transaction of its own."""
        with mock.patch.object(message_accumulator, "DefaultRecordBatchBuilder", _DefaultRecordBatchBuilderPy):
            async with self._producer.transaction():
                batch = self._producer.create_batch()
                for key, value, headers in records:
                    assert batch.append(timestamp=None, key=key, value=value, headers=headers) is not None
                sent = await self._producer.send_batch(batch, self._cluster.topic(place[0]), partition=place[1])
                await sent


@asynccontextmanager
async def odd_producer(cluster: Cluster, compression: str | None = None) -> AsyncIterator[OddProducer]:
    """A producer as there may be in other languages.

    Args:
        cluster: where.
        compression: how batches are compressed.
    """
    producer = AIOKafkaProducer(
        **cluster.client_options("odd"),
        transactional_id=f"{cluster.prefix}{new_id().hex}",
        compression_type=compression,
        max_batch_size=2**19,
    )
    try:
        await producer.start()
        yield OddProducer(cluster, producer)
    finally:
        await producer.stop()
