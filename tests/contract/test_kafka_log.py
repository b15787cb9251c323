"""The contract of `EventLog`, kept by the topics in Kafka."""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import partial

import asyncpg
import pytest_asyncio

from events.courses import TOPIC as COURSES
from events.enrollments import TOPIC as ENROLLMENTS
from events.partition import DEFAULT_PARTITIONS
from events.ports import EventLog
from infra.event_log.kafka import KafkaLog
from infra.event_log.membership import Pace
from infra.kafka.cluster import Cluster
from infra.postgres import Role, connect
from tests.contract.event_log_suite import EventLogContract
from tests.contract.publishing import own_cluster, publisher
from tests.written_log import WrittenLog

PACE = Pace(heartbeat_seconds=0.1, silence_seconds=1.0)
POLL_SECONDS = 0.1


def kafka_log(url: str, cluster: Cluster) -> KafkaLog:
    """As a projector would have it, only quicker to notice things."""
    own = partial(connect, url, application="test-log", role=Role.PROJECTOR)
    return KafkaLog(own, cluster, pace=PACE, poll_seconds=POLL_SECONDS)


class TestKafkaLog(EventLogContract):
    @pytest_asyncio.fixture(autouse=True, loop_scope="session")
    async def _topics(self, database_url: str, kafka_server: str) -> AsyncIterator[None]:
        self.url, self.cluster = database_url, own_cluster(kafka_server)
        self.published = 0
        async with publisher(self.cluster, [COURSES, ENROLLMENTS], DEFAULT_PARTITIONS) as self.kafka:
            yield

    def event_log(self) -> EventLog:
        return kafka_log(self.url, self.cluster)

    async def publish(self, log: WrittenLog) -> None:
        await log.store(self.url)
        connection = await asyncpg.connect(self.url)
        log_id = await connection.fetchval("select log_id from log.installation")
        await connection.close()
        await self.kafka.publish(log.events[self.published :], log_id)
        self.published = len(log.events)

    def member_command(self, group: str) -> list[str]:
        return ["-m", "tests.contract.member", self.url, group, self.cluster.bootstrap, self.cluster.prefix]
