"""What each partition of our topics holds: from which event to which. Only operators ask.

It must not know the log.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
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
    found = await inspect_topics(cluster, topics)
    places = [(topic, number) for topic in topics if topic in found for number in range(found[topic].partitions)]
    try:
        ends = await read_ends(cluster, places)
        firsts = await _firsts(cluster, ends)
    except AWAY as error:
        raise Unreachable(f"Kafka at {cluster.bootstrap} cannot be read ({type(error).__name__}: {error}).") from error
    lasts = {place: end.last.offset for place, end in ends.items() if end.last is not None}
    return [Holding(cluster.topic(place[0]), place[1], firsts.get(place), lasts.get(place)) for place in places]


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
