"""Reads all that a topic holds, from its beginning to where it ends now, some records at a time.

It must not know the log, nor what the records are read for.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass

from aiokafka import TopicPartition
from aiokafka.structs import ConsumerRecord

from events.bookmark import Place
from events.cloudevents import Published, from_record
from events.errors import UndecodableEvent
from infra.kafka.clients import PATIENCE_SECONDS, consumer, fetched, hold
from infra.kafka.cluster import Cluster

POLL_MS = 100
FETCH_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True)
class Content:
    """Some records of a partition.

    Attributes:
        place: which one, as the log knows it.
        whole: whether Kafka never deleted a record at its beginning.
        records: by Kafka's own offsets, in order; None: it is no event of ours.
    """

    place: Place
    whole: bool
    records: tuple[tuple[int, Published | None], ...]


async def read_topic(cluster: Cluster, topic: str, partitions: int) -> AsyncGenerator[Content]:
    """Reads a topic.

    Args:
        cluster: where.
        topic: its name, as the log knows it.
        partitions: how many it has.

    Raises:
        KafkaError, OSError, TimeoutError: the cluster is away.
    """
    places = {TopicPartition(cluster.topic(topic), number): (topic, number) for number in range(partitions)}
    async with consumer(cluster, "contents", fetch_max_bytes=FETCH_BYTES) as reader:
        hold(reader, places)
        async with asyncio.timeout(PATIENCE_SECONDS):
            beginnings, ends = await asyncio.gather(reader.beginning_offsets(places), reader.end_offsets(places))
        positions = {tp: beginnings[tp] for tp in places if beginnings[tp] < ends[tp]}
        for tp, beginning in positions.items():
            reader.seek(tp, beginning)
            reader.resume(tp)
        clock = asyncio.get_running_loop().time
        moved_at = clock()
        while positions:
            for tp, records in (await fetched(reader, timeout_ms=POLL_MS)).items():
                read = ((one.offset, _published(places[tp], one)) for one in records if one.offset < ends[tp])
                yield Content(places[tp], beginnings[tp] == 0, tuple(read))
            before, positions = positions, {tp: await reader.position(tp) for tp in positions}
            if positions != before:
                moved_at = clock()
            elif clock() - moved_at > PATIENCE_SECONDS:
                raise TimeoutError(f"no record for {PATIENCE_SECONDS:g} s from {', '.join(map(str, positions))}")
            positions = {tp: position for tp, position in positions.items() if position < ends[tp]}


def _published(place: Place, record: ConsumerRecord) -> Published | None:
    try:
        return from_record(*place, record.key, record.value, record.headers)
    except UndecodableEvent:
        return None
