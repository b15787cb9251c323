"""Finds an event in Kafka by the dense offset in its header: a binary search over Kafka's own offsets.

Needed when no hint says where to begin, or a wrong one does. Markers of transactions and aborted records, which can
never be read, are stepped over. It must not know what is done with the place that it finds.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from typing import NamedTuple

from aiokafka import AIOKafkaConsumer, TopicPartition

from events.cloudevents import offset_of
from infra.kafka.clients import PATIENCE_SECONDS, consumer, fetched
from infra.kafka.cluster import Cluster

POLL_MS = 20
FETCH_BYTES = 128 * 1024
"""From one partition: of what is fetched only the first record is looked at."""


class Found(NamedTuple):
    """Where to begin in a partition.

    Args:
        start: Kafka's offset right at or before the first event wanted; the partition's end when it has none yet.
        emptied: its records are gone: it held some once, and none can be read now.
    """

    start: int
    emptied: bool


async def find(cluster: Cluster, wanted: Mapping[TopicPartition, int]) -> dict[TopicPartition, Found]:
    """Finds the first event at or after a dense offset in each of some partitions, all at the same time.

    Args:
        cluster: where.
        wanted: the dense offset to find in each partition, under the topic's name on the cluster.

    Raises:
        KafkaError, OSError, TimeoutError: the cluster is away, or a partition does not exist.
    """
    async with consumer(cluster, "search", fetch_max_wait_ms=POLL_MS, max_partition_fetch_bytes=FETCH_BYTES) as reader:
        async with asyncio.timeout(PATIENCE_SECONDS):
            beginnings, ends = await asyncio.gather(reader.beginning_offsets(wanted), reader.end_offsets(wanted))
        reader.assign(list(wanted))
        reader.pause(*wanted)
        for tp, beginning in beginnings.items():
            reader.seek(tp, beginning)
        low, high, readable = dict(beginnings), dict(ends), set[TopicPartition]()
        while searched := [tp for tp in wanted if low[tp] < high[tp]]:
            middles = {tp: (low[tp] + high[tp]) // 2 for tp in searched}
            first = await _first_readable(reader, middles, ends)
            for tp, middle in middles.items():
                kafka_offset, dense = first.get(tp, (middle, wanted[tp]))
                if dense < wanted[tp]:
                    low[tp] = kafka_offset + 1
                else:
                    high[tp] = middle
            readable |= first.keys()
        return {tp: Found(low[tp], tp not in readable and beginnings[tp] > 0) for tp in wanted}


async def _first_readable(
    reader: AIOKafkaConsumer, starts: Mapping[TopicPartition, int], ends: Mapping[TopicPartition, int]
) -> dict[TopicPartition, tuple[int, int]]:
    """Kafka's offset and the dense one of the first event at or after a place; partitions without any are missing."""
    found: dict[TopicPartition, tuple[int, int]] = {}
    waiting = set(starts)
    for tp, start in starts.items():
        reader.seek(tp, start)
    reader.resume(*waiting)
    while waiting:
        async with asyncio.timeout(PATIENCE_SECONDS):
            done = await _some(reader, waiting, ends, found)
        reader.pause(*done)
        waiting -= done
    return found


async def _some(
    reader: AIOKafkaConsumer,
    waiting: Collection[TopicPartition],
    ends: Mapping[TopicPartition, int],
    found: dict[TopicPartition, tuple[int, int]],
) -> set[TopicPartition]:
    """Reads until some partitions are done with: their first event was found, or there is none."""
    while True:
        for tp, records in (await fetched(reader, *waiting, timeout_ms=POLL_MS)).items():
            for record in records:
                dense = offset_of(record.headers)
                if dense is not None:
                    found[tp] = (record.offset, dense)
                    break
        done = {tp for tp in waiting if tp in found or await reader.position(tp) >= ends[tp]}
        if done:
            return done
