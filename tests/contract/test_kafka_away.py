"""A broker that is killed, frozen or not there: followers go on by themselves, and let go of it promptly."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress

import asyncpg
import psutil
import pytest
import pytest_asyncio

from events.courses import TOPIC as COURSES
from events.ports import Away, CaughtUp
from events.recorded import Recorded
from infra.event_log.kafka_cursor import STALE_SECONDS
from infra.kafka.broker import LocalBroker
from infra.kafka.cluster import Cluster
from infra.kafka.topics import ensure_topics
from tests.contract.following import Memory, by_place, happenings, until_caught_up
from tests.contract.publishing import Publisher, own_cluster, producing
from tests.contract.test_kafka_log import POLL_SECONDS, kafka_log
from tests.kafka import throw_away_broker
from tests.written_log import WrittenLog

RECOVERY_SECONDS = 60
PROMPTLY_SECONDS = 4.0
"""Each of two steps of closing may take 2 s at most."""


@pytest.fixture(scope="module")
def broker() -> Iterator[LocalBroker]:
    """One that may be maltreated."""
    with throw_away_broker() as broker:
        yield broker


class Courses:
    """What happens in one topic."""

    def __init__(self, url: str, cluster: Cluster) -> None:
        self.url, self.cluster, self.log = url, cluster, WrittenLog(3)

    async def happen(self) -> None:
        """More is stored and published."""
        before = len(self.log.events)
        happenings(self.log, 60)
        await self.log.store(self.url)
        connection = await asyncpg.connect(self.url)
        log_id = await connection.fetchval("select log_id from log.installation")
        await connection.close()
        async with producing(self.cluster) as producer:
            kafka = Publisher(self.cluster, producer, [COURSES], 3)
            await kafka.publish([event for event in self.log.events[before:] if event.topic == COURSES], log_id)

    def number(self) -> int:
        return sum(event.topic == COURSES for event in self.log.events)

    def wanted(self) -> dict[tuple[str, int], list[Recorded]]:
        return by_place([event for event in self.log.events if event.topic == COURSES])


@pytest_asyncio.fixture(loop_scope="session")
async def courses(database_url: str, broker: LocalBroker) -> AsyncIterator[Courses]:
    connection = await asyncpg.connect(database_url)
    await connection.execute("update log.installation set partitions = 3")
    await connection.close()
    cluster = own_cluster(broker.bootstrap)
    await ensure_topics(cluster, [COURSES], 3)
    yield Courses(database_url, cluster)


def process_of(broker: LocalBroker) -> psutil.Process:
    process = broker.process()
    assert process is not None
    return process


async def test_a_broker_that_is_killed_and_comes_back_interrupts_nobody_for_long(
    courses: Courses, broker: LocalBroker
) -> None:
    memory, got = Memory(), list[Recorded]()
    await courses.happen()
    async with kafka_log(courses.url, courses.cluster).follow([COURSES], memory) as items:
        got += await until_caught_up(items, memory)
        process_of(broker).kill()
        more = asyncio.ensure_future(until_caught_up(items, memory, patience_seconds=RECOVERY_SECONDS))
        await asyncio.wait((more,), timeout=1)  # it lives through the loss
        broker.start()
        got += await more
        await courses.happen()
        async with asyncio.timeout(RECOVERY_SECONDS):
            while len(got) < courses.number():
                got += await until_caught_up(items, memory)
    assert by_place(got) == courses.wanted()


async def test_while_the_broker_is_away_nobody_has_caught_up_and_who_comes_waits(
    courses: Courses, broker: LocalBroker
) -> None:
    await courses.happen()
    async with kafka_log(courses.url, courses.cluster).follow([COURSES], Memory()) as items:
        await until_caught_up(items)
        process_of(broker).kill()
        told = 0
        with suppress(TimeoutError):
            async with asyncio.timeout(STALE_SECONDS + 2):
                async for item in items:
                    told += isinstance(item, CaughtUp)
        assert told <= (STALE_SECONDS + 0.5) / POLL_SECONDS, "that it has caught up is known for a moment only"
        started = asyncio.get_running_loop().time()
    assert asyncio.get_running_loop().time() - started < PROMPTLY_SECONDS
    async with kafka_log(courses.url, courses.cluster).follow([COURSES], Memory()) as items:
        assert await anext(items) == Away(
            f"Kafka at {courses.cluster.bootstrap} cannot be reached (KafkaConnectionError)."
        )
        first = asyncio.ensure_future(until_caught_up(items, patience_seconds=RECOVERY_SECONDS))
        await asyncio.wait((first,), timeout=1)
        assert not first.done()
        broker.start()
        got = await first
        async with asyncio.timeout(RECOVERY_SECONDS):
            while len(got) < courses.number():  # the markers of the last transaction may come later
                got += await until_caught_up(items)
    assert by_place(got) == courses.wanted()


async def test_letting_go_of_a_frozen_broker_is_prompt(courses: Courses, broker: LocalBroker) -> None:
    await courses.happen()
    async with kafka_log(courses.url, courses.cluster).follow([COURSES], Memory()) as items:
        await until_caught_up(items)
        process_of(broker).suspend()
        waiting = asyncio.ensure_future(anext(items))
        await asyncio.wait((waiting,), timeout=1)
        started = asyncio.get_running_loop().time()
        waiting.cancel()
        await asyncio.wait((waiting,))
    took = asyncio.get_running_loop().time() - started
    process_of(broker).resume()
    assert took < PROMPTLY_SECONDS


async def test_who_comes_before_the_topics_are_made_waits_for_them(courses: Courses, broker: LocalBroker) -> None:
    courses.cluster = own_cluster(broker.bootstrap)
    async with kafka_log(courses.url, courses.cluster).follow([COURSES], Memory()) as items:
        first = asyncio.ensure_future(until_caught_up(items, patience_seconds=RECOVERY_SECONDS))
        await asyncio.wait((first,), timeout=1)
        assert not first.done()
        await ensure_topics(courses.cluster, [COURSES], 3)
        assert await first == []
