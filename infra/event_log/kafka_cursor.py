"""Kafka's consumer of one reader: put in its place, asked for records, and whether there are more.

Partitions are assigned by hand and never by a consumer group, and Kafka is never told how far we are. It must not know
what is in the records but for the dense offset by which a place is found.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError, OffsetOutOfRangeError
from aiokafka.structs import ConsumerRecord

from events.bookmark import Place
from infra.event_log.kafka_search import find
from infra.kafka.clients import PATIENCE_SECONDS, consumer, fetched
from infra.kafka.cluster import AWAY, Cluster, Unreachable

FETCH_WAIT_MS = 500
"""How long the broker keeps a request open when there is nothing new; news end it at once."""
EVENT_BYTES = 600
"""What an event takes in Kafka, roughly; a fetch brings about one batch."""
SMALLEST_FETCH_BYTES = 64 * 1024
STALE_SECONDS = 1.5
"""An older answer of the broker does not show that there is nothing more."""
SILENCE_SECONDS = 5.0

Records = Mapping[Place, Sequence[ConsumerRecord]]
Bounds = Mapping[TopicPartition, int]


class Cursor:
    """A place in each of some partitions. Open it once, close it always.

    Args:
        cluster: where the topics are.
        batch_size: how many events a fetch should bring.

    Attributes:
        lost: the partitions whose place does not exist in Kafka any more; `find` mends that.
    """

    def __init__(self, cluster: Cluster, batch_size: int) -> None:
        self._cluster = cluster
        self._batch_size = batch_size
        self._stack = AsyncExitStack()
        self._reader: AIOKafkaConsumer | None = None
        self._partitions: dict[Place, TopicPartition] = {}
        self._places: dict[TopicPartition, Place] = {}
        self._ends: Bounds = {}
        self._heard_at = self._opened_ms = 0.0
        self.lost: set[Place] = set()

    async def open(self, expected: Mapping[Place, int], hints: Mapping[Place, int]) -> tuple[set[Place], set[Place]]:
        """Connects, and goes where reading begins.

        Args:
            expected: the dense offset of the next event of each partition.
            hints: Kafka's own offsets of some of them, perhaps.

        Returns:
            The places that a hint alone led to; and those whose records are gone, where nothing shows what is missing.

        Raises:
            Unreachable: the cluster is away, or the topics are not there.
            KafkaError, OSError, TimeoutError: the cluster went away in between.
        """
        self._partitions = {place: TopicPartition(self._cluster.topic(place[0]), place[1]) for place in expected}
        self._places = {tp: place for place, tp in self._partitions.items()}
        reader = self._reader = await self._connected()
        beginnings, ends = await self._bounds(reader)
        self._ends, self._heard_at = ends, time.time()
        self._opened_ms = self._heard_at * 1000
        starts, hinted = dict[Place, int](), set[Place]()
        for place, tp in self._partitions.items():
            if beginnings[tp] <= hints.get(place, -1) <= ends[tp]:
                starts[place] = hints[place]
                hinted.add(place)
            elif expected[place] == 1 and beginnings[tp] == 0:
                starts[place] = 0
        reader.assign(list(self._places))
        for place, tp in self._partitions.items():
            reader.seek(tp, starts.get(place, beginnings[tp]))
        return hinted, await self.find({place: expected[place] for place in expected if place not in starts})

    async def find(self, wanted: Mapping[Place, int]) -> set[Place]:
        """Searches for the next events of some partitions and goes there.

        Returns:
            Those whose records are gone.
        """
        if not wanted:
            return set()
        reader = self._opened
        found = await find(self._cluster, {self._partitions[place]: offset for place, offset in wanted.items()})
        for tp, (start, _) in found.items():
            reader.seek(tp, start)
            self.lost.discard(self._places[tp])
        return {self._places[tp] for tp, (_, emptied) in found.items() if emptied}

    async def poll(self, wait_ms: int, limit: int) -> Records:
        """What comes next; nothing when there is nothing for so long, or when a place was lost.

        Args:
            wait_ms: how long to wait for a first record.
            limit: the most records.
        """
        try:
            polled = await fetched(self._opened, timeout_ms=wait_ms, limit=limit)
        except OffsetOutOfRangeError as error:
            self.lost |= {self._places[tp] for tp in error.args[0]}
            return {}
        if polled:
            self._heard_at = time.time()
        return {self._places[tp]: records for tp, records in polled.items()}

    def stop_at(self, place: Place, kafka_offset: int | None = None) -> None:
        """Reads no more of a partition for now; goes on with Kafka's offset that is given, or where it is."""
        self._opened.pause(self._partitions[place])
        if kafka_offset is not None:
            self._opened.seek(self._partitions[place], kafka_offset)

    def go_on(self, place: Place) -> None:
        """Reads a partition again."""
        self._heard_at = time.time()
        self._opened.resume(self._partitions[place])

    async def at_end(self) -> bool:
        """Whether everything that readers of committed records can see was polled, as the broker said just now."""
        reader, fresh_ms = self._opened, (time.time() - STALE_SECONDS) * 1000
        for tp in self._places:
            # Before the first answer, which may take as long as there is nothing new, what was asked at first counts.
            answered_ms = reader.last_poll_timestamp(tp)
            end = self._ends[tp] if answered_ms is None else reader.last_stable_offset(tp)
            if await reader.position(tp) < end or (answered_ms or self._opened_ms) < fresh_ms:
                return False
        return not self.lost

    def ensure_answering(self) -> None:
        """Fails when the broker has said nothing about some partition for long, which aiokafka keeps to itself.

        Raises:
            TimeoutError: so it is.
        """
        reader = self._opened
        asked = self._places.keys() - reader.paused()
        heard_at = min((reader.last_poll_timestamp(tp) or 0 for tp in asked), default=0) / 1000
        if time.time() - max(heard_at, self._heard_at) > SILENCE_SECONDS:
            raise TimeoutError(f"Kafka at {self._cluster.bootstrap} has said nothing for {SILENCE_SECONDS:g} s")

    async def close(self) -> None:
        """Disconnects, promptly."""
        await self._stack.aclose()

    @property
    def _opened(self) -> AIOKafkaConsumer:
        assert self._reader is not None, "open it first"
        return self._reader

    async def _connected(self) -> AIOKafkaConsumer:
        fetch_bytes = max(self._batch_size * EVENT_BYTES, SMALLEST_FETCH_BYTES)
        opening = consumer(
            self._cluster,
            "log",
            fetch_max_wait_ms=FETCH_WAIT_MS,
            fetch_max_bytes=fetch_bytes,
            max_partition_fetch_bytes=max(fetch_bytes // 8, SMALLEST_FETCH_BYTES),
        )
        try:
            return await self._stack.enter_async_context(opening)
        except AWAY as error:
            reason = f"Kafka at {self._cluster.bootstrap} cannot be reached ({type(error).__name__})."
            raise Unreachable(reason) from error

    async def _bounds(self, reader: AIOKafkaConsumer) -> tuple[Bounds, Bounds]:
        """Where each partition begins and ends now."""
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                beginnings, ends = await asyncio.gather(
                    reader.beginning_offsets(self._places), reader.end_offsets(self._places)
                )
        except (TimeoutError, KafkaError) as error:
            raise Unreachable(
                f"Kafka at {self._cluster.bootstrap} does not say where the topics begin and end "
                f"({type(error).__name__}). The relay makes them: is it running?"
            ) from error
        return beginnings, ends
