"""Projections that follow the topics: the same views as without Kafka, whatever happens to the processes."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import ExitStack, asynccontextmanager
from functools import partial
from uuid import UUID

import asyncpg
import pytest_asyncio

from events.catalog import TOPICS
from events.partition import DEFAULT_PARTITIONS
from events.ports import EventLog
from events.recorded import Recorded
from infra.event_log.kafka import KafkaLog
from infra.event_log.membership import Pace
from infra.event_log.postgres import PostgresLog
from infra.postgres import Role, connect
from projectors.views import PROJECTIONS
from tests.beside import projecting
from tests.contract.publishing import Publisher, own_cluster, publisher
from tests.integration.test_projector_process import APPLIED, MESSAGES, Talk, asked, free_port, projector, until
from tests.property.test_projections import TABLES, School, model, rows, worded
from tests.written_log import WrittenLog

PATIENCE_SECONDS = 60
PACE = Pace(0.1, 1.0)
HINTED = 'select count(*) from projection.checkpoint where "offset" > 0 and hint is not null'


class Pipeline:
    """A log in PostgreSQL, its topics, and what is made of them."""

    def __init__(self, url: str, admin: asyncpg.Connection, kafka: Publisher, log_id: UUID) -> None:
        self.url, self.admin, self.kafka, self.log_id = url, admin, kafka, log_id
        self.own = partial(connect, url, application="test-worker", role=Role.PROJECTOR)
        self.published = 0

    @property
    def settings(self) -> dict[str, str]:
        return {"MIMO_KAFKA_BOOTSTRAP": self.kafka.cluster.bootstrap, "MIMO_KAFKA_PREFIX": self.kafka.cluster.prefix}

    async def publish(self, log: WrittenLog, spoil: Callable[[Sequence[Recorded]], Sequence[Recorded]] = list) -> None:
        """Stores what is new and publishes it, spoilt if so wished."""
        await log.store(self.url)
        await self.kafka.publish(spoil(log.events[self.published :]), self.log_id)
        self.published = len(log.events)

    @asynccontextmanager
    async def working(self, log: EventLog) -> AsyncIterator[None]:
        """Runs all projections on a log until the block ends."""
        async with projecting(self.url, log):
            yield

    async def until_applied(self, log: WrittenLog) -> None:
        await until(self.admin, APPLIED, len(log.events))

    async def ensure_views_equal_the_fold(self, log: WrittenLog) -> None:
        for projection in PROJECTIONS:
            await self.admin.execute(f"set search_path = {projection.name}_v1_g1")
            found = {table: await rows(self.admin, table) for table in TABLES[projection.name]}
            assert found == await worded(self.admin, model(projection, log, log.ring))


@pytest_asyncio.fixture(loop_scope="session")
async def pipeline(database_url: str, kafka_server: str) -> AsyncIterator[Pipeline]:
    admin = await asyncpg.connect(database_url)
    log_id = await admin.fetchval("select log_id from log.installation")
    async with publisher(own_cluster(kafka_server), TOPICS, DEFAULT_PARTITIONS) as kafka:
        yield Pipeline(database_url, admin, kafka, log_id)
    await admin.close()


def spoilt(chance: random.Random, events: Sequence[Recorded]) -> list[Recorded]:
    """The same events with some missing and some twice; the last of each place is there, or nothing would show it."""
    last = {(event.topic, event.partition): event.id for event in events}
    some = [e for e in events if e.id == last[e.topic, e.partition] or chance.random() < 0.95]
    return sorted([*some, *chance.sample(some, len(some) // 10)], key=lambda event: event.position)


async def test_views_are_the_same_whichever_log_they_follow_and_when(pipeline: Pipeline) -> None:
    """Both logs by turns, on the same checkpoints; the topics lack some events and have others twice."""
    school = School(random.Random(8), partitions=DEFAULT_PARTITIONS)
    logs: list[EventLog] = [
        KafkaLog(pipeline.own, pipeline.kafka.cluster, pace=PACE, poll_seconds=0.05),
        PostgresLog(pipeline.own, pace=PACE, poll_seconds=0.05, shuffle=random.Random(6)),
    ]
    async with asyncio.timeout(PATIENCE_SECONDS):
        for number in range(4):
            for _ in range(300):
                school.happen()
            async with pipeline.working(logs[number % 2]):
                await pipeline.publish(school.log, partial(spoilt, random.Random(number)))
                await pipeline.until_applied(school.log)
    await pipeline.ensure_views_equal_the_fold(school.log)
    assert await pipeline.admin.fetchval("select count(*) from projection.generation") == len(PROJECTIONS)
    assert await pipeline.admin.fetchval(HINTED) > 0


async def test_processes_that_come_and_are_killed_lose_nothing_and_double_nothing(pipeline: Pipeline) -> None:
    talk = Talk()
    talk.go_on(60)
    with ExitStack() as processes:
        new = partial(projector, pipeline.url, 0, **pipeline.settings)
        running = [processes.enter_context(new())]
        for _ in range(3):
            await pipeline.publish(talk.log)
            running.append(processes.enter_context(new()))
            await until(pipeline.admin, APPLIED, int(len(talk.log.events) * 0.9))
            running.pop(0).kill()
            talk.go_on(30)
        await pipeline.publish(talk.log)
        running.append(processes.enter_context(new()))
        await until(pipeline.admin, APPLIED, len(talk.log.events))
    assert [tuple(row) for row in await pipeline.admin.fetch(MESSAGES)] == talk.wanted()
    assert await pipeline.admin.fetchval("select count(*) from read.enrollments_v1") == 0
    assert await pipeline.admin.fetchval("select count(*) from read.users_v1 where email = 'a@b.org'") == 5


async def test_while_kafka_is_away_they_are_unready_and_say_why(database_url: str) -> None:
    nobody, port, body = f"127.0.0.1:{free_port()}", free_port(), ""
    with projector(database_url, port, MIMO_KAFKA_BOOTSTRAP=nobody):
        async with asyncio.timeout(PATIENCE_SECONDS):
            while f"Kafka at {nobody} cannot be reached" not in body:
                status, body = await asyncio.to_thread(asked, port, "/readyz")
                assert status in (0, 503)
                await asyncio.sleep(0.05)
