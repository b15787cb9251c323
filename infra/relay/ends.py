"""Where each partition of our topics ends, read from Kafka itself: that is the relay's checkpoint.

The last record that readers of committed records can see is found by looking back, because the last offsets of a
partition are usually markers of transactions and may be any number of aborted records. It must not know the log.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.structs import ConsumerRecord

from events.bookmark import Place
from events.cloudevents import from_record
from events.errors import UndecodableEvent
from infra.kafka.clients import PATIENCE_SECONDS, consumer, fetched, hold
from infra.kafka.cluster import Cluster
from infra.relay.trouble import Unsettled

LOOK_BACK = 16
FURTHER = 8
POLL_MS = 10
LOOKS = 5
"""So often a partition is seen with the same transaction open before something is wrong with it."""


@dataclass(frozen=True)
class Last:
    """The last event of a partition.

    Attributes:
        offset: its dense offset.
        event_id: its id.
        log_id: the id of the history that it belongs to, as it stands in the header.
        kafka_offset: Kafka's own number for it.
    """

    offset: int
    event_id: UUID
    log_id: bytes
    kafka_offset: int


@dataclass(frozen=True)
class End:
    """Where a partition ends. All numbers but those in `last` are Kafka's own.

    Attributes:
        beginning: its first offset; above 0 when records were deleted.
        end: the offset after the last that readers of committed records can reach.
        written: the offset after the last of all, a moment earlier; more than `end` while a transaction is open.
        last: its last event; None when it holds none.
    """

    beginning: int
    end: int
    written: int
    last: Last | None


async def read_ends(cluster: Cluster, places: Collection[Place]) -> dict[Place, End]:
    """Reads where partitions end.

    Args:
        cluster: where.
        places: topics as the log knows them, and partitions; all of them must exist.

    Raises:
        KafkaError, OSError, TimeoutError: the cluster is away, or a partition does not exist.
    """
    named = {TopicPartition(cluster.topic(topic), number): (topic, number) for topic, number in places}
    async with (
        consumer(cluster, "ends-written", isolation_level="read_uncommitted") as careless,
        consumer(cluster, "ends", fetch_max_wait_ms=POLL_MS) as reader,
    ):
        hold(careless, named)
        hold(reader, named)
        async with asyncio.timeout(PATIENCE_SECONDS):
            written = await careless.end_offsets(named)  # first: what is written meanwhile is no open transaction
            ends, beginnings = await asyncio.gather(reader.end_offsets(named), reader.beginning_offsets(named))
        last = await _last_records(reader, beginnings, ends)
    return {
        place: End(beginnings[tp], ends[tp], written[tp], _event_of(last[tp], place) if tp in last else None)
        for tp, place in named.items()
    }


async def watch_ends(cluster: Cluster, known: Mapping[Place, int], every_seconds: float) -> None:
    """Looks again and again whether the partitions hold what was put into them, and readers get at it.

    Args:
        cluster: where.
        known: the offset after the last record of each that Kafka has acknowledged; may be moved on meanwhile.
        every_seconds: how often to look.

    Raises:
        Unsettled: a partition has become shorter: its topic was deleted, or a broker has lost what it had; or a
            transaction stays open in it, longer than any of ours.
        KafkaError, OSError, TimeoutError: the cluster is away, or a topic is.
    """
    named = {TopicPartition(cluster.topic(topic), number): (topic, number) for topic, number in known}
    still_open: dict[tuple[TopicPartition, int], int] = {}
    async with (
        consumer(cluster, "watch", isolation_level="read_uncommitted") as reader,
        consumer(cluster, "watch-committed") as careful,
    ):
        hold(reader, named)
        hold(careful, named)
        while True:
            await asyncio.sleep(every_seconds)
            before = dict(known)
            async with asyncio.timeout(PATIENCE_SECONDS):
                if gone := {tp.topic for tp in named} - await reader.topics():
                    raise Unsettled(f"the topic {min(gone)} is gone")
                ends = await reader.end_offsets(named)
                readable = await careful.end_offsets(named)
            for tp, place in named.items():
                if ends[tp] < before[place]:
                    raise Unsettled(f"{tp.topic}.{tp.partition} ends at {ends[tp]} in Kafka, not at {before[place]}")
            left = [(tp, readable[tp]) for tp in named if readable[tp] < ends[tp]]
            still_open = {each: still_open.get(each, 0) + 1 for each in left}
            if hanging := [tp for (tp, _), looks in still_open.items() if looks >= LOOKS]:
                raise Unsettled(f"a transaction does not end in {hanging[0].topic}.{hanging[0].partition}")


@dataclass
class _Window:
    """What is being read of a partition: from `start` up to `stop`."""

    start: int
    stop: int
    width: int = LOOK_BACK
    found: ConsumerRecord | None = None


async def _last_records(
    reader: AIOKafkaConsumer, beginnings: Mapping[TopicPartition, int], ends: Mapping[TopicPartition, int]
) -> dict[TopicPartition, ConsumerRecord]:
    """The last readable record of each partition that has any, all partitions at the same time."""
    windows = {tp: _Window(max(beginnings[tp], end - LOOK_BACK), end) for tp, end in ends.items()}
    windows = {tp: window for tp, window in windows.items() if window.start < window.stop}
    found: dict[TopicPartition, ConsumerRecord] = {}
    for tp, window in windows.items():
        reader.seek(tp, window.start)
        reader.resume(tp)
    progress = _Progress()
    while windows:
        for tp, records in (await fetched(reader, timeout_ms=POLL_MS)).items():
            windows[tp].found = _last_readable(records, windows[tp].stop) or windows[tp].found
        positions = {tp: await reader.position(tp) for tp in windows}
        progress.check(positions)
        for tp in [tp for tp, window in windows.items() if positions[tp] >= window.stop]:
            window = windows[tp]
            if window.found is not None:
                found[tp] = window.found
            if window.found is not None or window.start == beginnings[tp]:
                reader.pause(tp)
                del windows[tp]
            else:
                width = window.width * FURTHER
                windows[tp] = _Window(max(beginnings[tp], window.start - width), window.start, width)
                reader.seek(tp, windows[tp].start)
    return found


class _Progress:
    """Notices when nothing moves any more."""

    def __init__(self) -> None:
        self._clock = asyncio.get_running_loop().time
        self._seen: Mapping[TopicPartition, int] = {}
        self._moved_at = self._clock()

    def check(self, positions: Mapping[TopicPartition, int]) -> None:
        if positions != self._seen:
            self._seen, self._moved_at = positions, self._clock()
        elif self._clock() - self._moved_at > PATIENCE_SECONDS:
            raise TimeoutError(f"no record for {PATIENCE_SECONDS:g} s from {', '.join(map(str, positions))}")


def _last_readable(records: Sequence[ConsumerRecord], stop: int) -> ConsumerRecord | None:
    """The last one that is an event, of those before `stop`: somebody else's are looked past."""
    for record in reversed(records):
        if record.offset < stop and _event_of(record, (record.topic, record.partition)) is not None:
            return record
    return None


def _event_of(record: ConsumerRecord, place: Place) -> Last | None:
    try:
        published = from_record(*place, record.key, record.value, record.headers)
    except UndecodableEvent:
        return None
    recorded = published.recorded
    return Last(recorded.offset, recorded.id, published.log_id, record.offset)
