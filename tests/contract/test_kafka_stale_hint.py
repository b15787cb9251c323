"""Hints that outlive the topics they were for: made anew, a partition may end just where an old hint leads.

Small partitions get there easily, because a refilled one has fewer markers of transactions between its events.
"""

from __future__ import annotations

import asyncio
from uuid import UUID

import asyncpg
import pytest
import pytest_asyncio

from events.enrollments import TOPIC, Enrolled
from events.ports import Reached
from events.recorded import Recorded
from infra.event_log import kafka_reader
from infra.event_log.kafka_reader import KafkaReader
from infra.ids import new_id
from tests.contract.following import PATIENCE_SECONDS, Memory, until_caught_up
from tests.contract.publishing import own_cluster, publisher
from tests.contract.test_kafka_log import kafka_log
from tests.written_log import WrittenLog

PLACE = (TOPIC, 0)


@pytest_asyncio.fixture(loop_scope="session")
async def log_id(database_url: str) -> UUID:
    """The history of a log with one partition."""
    admin = await asyncpg.connect(database_url)
    await admin.execute("update log.installation set partitions = 1")
    found: UUID = await admin.fetchval("select log_id from log.installation")
    await admin.close()
    return found


async def happen(log: WrittenLog, url: str, events: int) -> None:
    log.add_all(Enrolled(course_id=new_id(), user_id=new_id()) for _ in range(events))
    await log.store(url)


@pytest.mark.parametrize("missed", [1, 2], ids=["before the last marker", "before the end"])
async def test_a_hint_that_leads_to_the_end_of_a_refilled_topic_hides_nothing(
    database_url: str, kafka_server: str, log_id: UUID, missed: int
) -> None:
    log, memory = WrittenLog(1), Memory()
    async with publisher(own_cluster(kafka_server), [TOPIC], 1) as kafka:
        for _ in range(3):
            await happen(log, database_url, 1)
            await kafka.publish(log.events[-1:], log_id)
        followed = kafka_log(database_url, kafka.cluster)
        async with followed.follow([TOPIC], memory) as items:
            await until_caught_up(items, memory)
        await kafka.delete_topics()
        await kafka.make_topics()
        await happen(log, database_url, missed)
        await kafka.publish(log.events, log_id)
        async with followed.follow([TOPIC], memory) as items:
            assert await until_caught_up(items, memory) == log.events[3:]


async def test_who_reads_on_in_a_topic_that_was_made_anew_does_not_wait_for_more_to_happen(
    database_url: str, kafka_server: str, log_id: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kafka_reader, "COMPARE_SECONDS", 0.1)
    log, got = WrittenLog(1), list[Recorded]()
    connection = await asyncpg.connect(database_url)
    async with publisher(own_cluster(kafka_server), [TOPIC], 1) as kafka:
        await happen(log, database_url, 5)
        await kafka.publish(log.events, log_id)
        reader = KafkaReader(connection, kafka.cluster, [TOPIC], 50)
        await reader.start(frozenset({0}), Reached({PLACE: 3}, {PLACE: 5}))
        reader._sieve.unproven.clear()
        async with asyncio.timeout(PATIENCE_SECONDS):
            while len(got) < 2:
                batch, _ = await reader.read()
                got += batch.events if batch else ()
        await reader.close()
    await connection.close()
    assert got == log.events[3:]
