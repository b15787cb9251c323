"""A gap in one partition, while the log is slow to fill it: it holds up that partition and no other."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiokafka import TopicPartition

from events.bookmark import Place
from events.ports import Reached
from events.recorded import Recorded
from infra.event_log import tail
from infra.event_log.kafka_reader import KafkaReader
from tests.contract.following import PATIENCE_SECONDS, by_place
from tests.contract.test_kafka_trouble import TOPICS, Scene, scene

__all__ = ["scene"]
BATCH_EVENTS = 5


class Reading:
    """A reader that is asked by hand, and what it has delivered."""

    def __init__(self, reader: KafkaReader, wanted: dict[Place, list[Recorded]], topic: Callable[[str], str]) -> None:
        self.reader, self.wanted, self._topic = reader, wanted, topic
        self.got: list[Recorded] = []

    async def batch(self) -> list[Recorded]:
        """The next events."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while (batch := (await self.reader.read())[0]) is None:
                pass
        self.got.extend(batch.events)
        return list(batch.events)

    def outstanding(self) -> set[Place]:
        """The partitions of which not everything was delivered."""
        had = by_place(self.got)
        return {place for place, events in self.wanted.items() if len(had.get(place, ())) < len(events)}

    async def until_kafka_has_brought(self, places: set[Place]) -> None:
        """Waits until events of these partitions are in this process."""
        consumer: Any = self.reader._cursor._reader
        partitions = {TopicPartition(self._topic(topic), number) for topic, number in places}
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not partitions <= consumer._fetcher._records.keys():  # noqa: ASYNC110 - aiokafka tells nobody
                await asyncio.sleep(0.001)


@asynccontextmanager
async def reading(scene: Scene) -> AsyncIterator[Reading]:
    cluster = scene.kafka.cluster
    reader = KafkaReader(scene.admin, cluster, TOPICS, BATCH_EVENTS)
    await reader.start(frozenset(range(3)), Reached({}))
    yield Reading(reader, scene.everything(), cluster.topic)
    await reader.close()


async def test_a_gap_holds_up_its_own_partition_only(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """The log is so slow that Kafka has always brought what it has before the log answers: then that comes first."""
    await scene.happen(300)
    place = scene.busiest()[0]
    lacking = scene.everything()[place][:-1]
    await scene.publish([scene.everything()[place][-1]])
    async with reading(scene) as follower:
        assert await follower.batch() == lacking[:BATCH_EVENTS], "the gap is seen, and is being filled"
        await scene.publish([event for event in scene.log.events if (event.topic, event.partition) != place])

        async def slow_page(*question: Any) -> list[Recorded]:
            await follower.until_kafka_has_brought(follower.outstanding() - {place})
            return await page(*question)

        page = tail.page
        monkeypatch.setattr(tail, "page", slow_page)
        of_others = list[bool]()
        while others := follower.outstanding() - {place}:
            of_others.append(not {event.id for event in lacking} & {event.id for event in await follower.batch()})
            if of_others[-2:] == [False, False]:
                raise AssertionError(f"the log filled {place} twice, and nothing of {others} came between")
        filled = sum(not other for other in of_others)
        assert filled >= min(len(lacking) // BATCH_EVENTS, len(of_others) // 2) - 1, "all the while it was filled"
        while follower.outstanding():
            await follower.batch()
    assert by_place(follower.got) == scene.everything()
