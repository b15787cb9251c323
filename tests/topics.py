"""What the topics hold, as any reader of committed records sees it, and whether that is the log."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence

import asyncpg
import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition

from events.bookmark import Place
from events.catalog import TOPICS
from events.cloudevents import Published, from_record
from events.recorded import Recorded
from infra.kafka.cluster import Cluster

PATIENCE_SECONDS = 30.0
POLL_MS = 50

_EVENTS = """
    select position, id, stream, version, topic, partition, "offset", key, type, schema, data, meta, at
    from log.event order by position"""
_INSTALLATION = "select log_id, partitions from log.installation"


async def read_topics(
    cluster: Cluster, partitions: int, topics: Collection[str] = TOPICS
) -> dict[Place, list[Published]]:
    """Everything that is committed in each partition now, in Kafka's order; nothing of topics that do not exist."""
    named = {
        TopicPartition(cluster.topic(topic), number): (topic, number)
        for topic in topics
        for number in range(partitions)
    }
    reader = AIOKafkaConsumer(
        **cluster.client_options("test-reader"),
        group_id=None,
        enable_auto_commit=False,
        auto_offset_reset="none",
        isolation_level="read_committed",
    )
    await reader.start()
    try:
        present = await reader.topics()
        there = [tp for tp in named if tp.topic in present]
        reader.assign(there)
        for tp in there:
            reader.seek(tp, 0)
            reader.pause(tp)
        async with asyncio.timeout(PATIENCE_SECONDS):
            beginnings, ends = await asyncio.gather(reader.beginning_offsets(there), reader.end_offsets(there))
            return await _read(reader, named, beginnings, ends)
    finally:
        await reader.stop()


async def _read(
    reader: AIOKafkaConsumer,
    named: Mapping[TopicPartition, Place],
    beginnings: Mapping[TopicPartition, int],
    ends: Mapping[TopicPartition, int],
) -> dict[Place, list[Published]]:
    found: dict[Place, list[Published]] = {place: [] for place in named.values()}
    left = {tp for tp in ends if beginnings[tp] < ends[tp]}
    for tp in left:
        reader.seek(tp, beginnings[tp])
        reader.resume(tp)
    while left:
        for tp, records in (await reader.getmany(timeout_ms=POLL_MS)).items():
            found[named[tp]] += [
                from_record(*named[tp], record.key, record.value, record.headers)
                for record in records
                if record.offset < ends[tp]
            ]
        left = {tp for tp in left if await reader.position(tp) < ends[tp]}
    return found


async def read_log(url: str) -> tuple[bytes, int, list[Recorded]]:
    """The log's id as records carry it, its number of partitions, and all its events."""
    connection = await asyncpg.connect(url)
    try:
        log_id, partitions = await connection.fetchrow(_INSTALLATION)
        return str(log_id).encode(), partitions, [Recorded(*row) for row in await connection.fetch(_EVENTS)]
    finally:
        await connection.close()


async def flaws_of_topics(url: str, cluster: Cluster, *, expired: Mapping[Place, int] | None = None) -> list[str]:
    """In what the topics differ from the log, a line per partition; nothing when each event is there once, in order.

    Args:
        url: the log's database.
        cluster: where the topics are.
        expired: the last offset of each partition that was deleted from Kafka on purpose.
    """
    log_id, partitions, events = await read_log(url)
    topics = await read_topics(cluster, partitions)
    wanted: dict[Place, list[Recorded]] = {place: [] for place in topics}
    for event in events:
        if event.offset > (expired or {}).get((event.topic, event.partition), 0):
            wanted[event.topic, event.partition].append(event)
    return [
        flaw
        for place, published in topics.items()
        if (flaw := _flaw(f"{place[0]}.{place[1]}", wanted[place], published, log_id)) is not None
    ]


def _flaw(where: str, wanted: Sequence[Recorded], published: Sequence[Published], log_id: bytes) -> str | None:
    for number, (event, found) in enumerate(zip(wanted, published, strict=False)):
        if found.log_id != log_id:
            return f"{where}: record {number} is of the history {found.log_id!r}, not {log_id!r}"
        if _compared(found.recorded) != _compared(event):
            offset = found.recorded.offset
            return f"{where}: record {number} is event {offset} ({found.recorded.id}), not {event.offset} ({event.id})"
    if len(wanted) != len(published):
        return f"{where}: {len(published)} events, not {len(wanted)}"
    return None


def _compared(event: Recorded) -> Recorded:
    """Meta data may be written with other spaces, or with defaults."""
    return msgspec.structs.replace(event, meta=msgspec.json.encode(msgspec.json.decode(event.meta)).decode())


async def until_topics_hold_the_log(url: str, cluster: Cluster, seconds: float = PATIENCE_SECONDS) -> None:
    """Waits until the topics hold exactly the log; fails when they do not in time."""
    deadline = asyncio.get_running_loop().time() + seconds
    while flaws := await _flaws_or_trouble(url, cluster):
        assert asyncio.get_running_loop().time() < deadline, f"not within {seconds:g} s: {flaws[:5]}"
        await asyncio.sleep(0.05)


async def _flaws_or_trouble(url: str, cluster: Cluster) -> list[str]:
    try:
        return await flaws_of_topics(url, cluster)
    except Exception as error:  # a topic is not made yet, or a broker comes up again
        return [f"{type(error).__name__}: {error}"]
