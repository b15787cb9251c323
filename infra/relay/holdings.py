"""What each partition of our topics holds: from which event to which, and of which history. Only operators ask.

It must not know the log.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from aiokafka import TopicPartition

from events.bookmark import Place
from events.cloudevents import offset_of
from infra.kafka.clients import PATIENCE_SECONDS, consumer, fetched
from infra.kafka.cluster import AWAY, Cluster, Unreachable
from infra.kafka.inspection import inspect_topics
from infra.relay.ends import End, read_ends

POLL_MS = 10


@dataclass(frozen=True)
class Holding:
    """What a partition holds, by the dense offsets of its events.

    Attributes:
        topic: its name on the cluster.
        partition: its number.
        first: its first event; None when it holds none.
        last: its last event; None when it holds none.
    """

    topic: str
    partition: int
    first: int | None
    last: int | None

    @property
    def events(self) -> int:
        """How many it holds."""
        return self.last - self.first + 1 if self.first is not None and self.last is not None else 0


async def read_holdings(cluster: Cluster, topics: Collection[str]) -> list[Holding]:
    """Reads what all partitions hold.

    Args:
        cluster: where.
        topics: as the log knows them; those that are not there are left out.

    Raises:
        Unreachable: the cluster is away.
    """
    with _reading(cluster):
        ends = await _ends(cluster, topics)
        firsts = await _firsts(cluster, ends)
    lasts = {place: end.last.offset for place, end in ends.items() if end.last is not None}
    return [Holding(cluster.topic(place[0]), place[1], firsts.get(place), lasts.get(place)) for place in ends]


async def read_histories(cluster: Cluster, topics: Collection[str]) -> set[bytes]:
    """The histories that the last events of all partitions belong to, as it stands in their headers.

    Args:
        cluster: where.
        topics: as the log knows them; those that are not there hold none.

    Raises:
        Unreachable: the cluster is away.
    """
    with _reading(cluster):
        ends = await _ends(cluster, topics)
    return {end.last.log_id for end in ends.values() if end.last is not None}


async def _ends(cluster: Cluster, topics: Collection[str]) -> dict[Place, End]:
    """Where all partitions that are there end."""
    found = await inspect_topics(cluster, topics)
    places = [(topic, number) for topic in topics if topic in found for number in range(found[topic].partitions)]
    return await read_ends(cluster, places)


@contextmanager
def _reading(cluster: Cluster) -> Iterator[None]:
    """Turns whatever says that Kafka is away into one error."""
    try:
        yield
    except Unreachable:
        raise
    except AWAY as error:
        raise Unreachable(f"Kafka at {cluster.bootstrap} cannot be read ({type(error).__name__}: {error}).") from error


async def _firsts(cluster: Cluster, ends: Mapping[Place, End]) -> dict[Place, int]:
    """The dense offset of the first event of each partition that holds any."""
    wanted = {
        TopicPartition(cluster.topic(topic), number): ((topic, number), end.beginning)
        for (topic, number), end in ends.items()
        if end.last is not None
    }
    found: dict[Place, int] = {}
    async with consumer(cluster, "holdings", fetch_max_wait_ms=POLL_MS) as reader, asyncio.timeout(PATIENCE_SECONDS):
        reader.assign(list(wanted))
        for tp, (_, beginning) in wanted.items():
            reader.seek(tp, beginning)
        while len(found) < len(wanted):
            for tp, records in (await fetched(reader, timeout_ms=POLL_MS)).items():
                offsets = (offset_of(record.headers) for record in records)
                first = next((offset for offset in offsets if offset is not None), None)
                if first is not None:
                    found.setdefault(wanted[tp][0], first)
                    reader.pause(tp)
    return found
