"""A relay on a database and topics of its own, run inside the test, and a log to write into."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg

from events.catalog import TOPICS
from events.courses import CourseCreated, CoursePublished
from events.errors import CannotStart
from events.messages import MessageSent
from infra.event_log.membership import Pace
from infra.ids import new_id
from infra.kafka.cluster import Cluster
from infra.postgres import Role, connect
from infra.relay.progress import Progress
from infra.relay.publisher import KafkaPublisher
from infra.relay.relay import NewPublisher, Relay
from tests.beside import beside
from tests.topics import until_topics_hold_the_log
from tests.until import until_answer
from tests.written_log import WrittenLog

PATIENCE_SECONDS = 30
CALM = Pace(0.5, 6.0)
"""A busy machine is no reason to be deposed."""


class OneRelay:
    """A log, its topics, and relays between them."""

    def __init__(self, url: str, cluster: Cluster, admin: asyncpg.Connection) -> None:
        self.url, self.cluster, self.admin = url, cluster, admin
        self.progress = Progress()
        self.away = False
        self._channels = [new_id() for _ in range(5)]
        self.begin_anew()

    def begin_anew(self) -> None:
        """Forgets what was written."""
        self.log = WrittenLog()
        self._author = self.log.person()

    async def connect(self) -> asyncpg.Connection:
        """A connection for a relay, unless the database is said to be away."""
        if self.away:
            raise CannotStart("PostgreSQL cannot be reached: the test says so.")
        return await connect(self.url, application="test-relay", role=Role.RELAY)

    async def end_sessions(self) -> None:
        """Ends all sessions of relays, on the server's side."""
        assert await self.admin.fetchval(
            "select count(pg_terminate_backend(pid)) from pg_stat_activity"
            " where application_name = 'test-relay' and datname = current_database()"
        )

    async def write(self, messages: int) -> None:
        """Stores so many messages, and a course with each tenth."""
        for number in range(messages):
            channel = self._channels[number % len(self._channels)]
            self.log.add(MessageSent(channel_id=channel, author_id=self._author, text=f"Hello {number}"))
            if number % 10 == 0:
                course_id = new_id()
                self.log.add(CourseCreated(course_id=course_id, owner_id=new_id(), title="Algebra", description=""))
                self.log.add(CoursePublished(course_id=course_id))
        await self.log.store(self.url)

    @asynccontextmanager
    async def running(
        self, progress: Progress | None = None, new_publisher: NewPublisher = KafkaPublisher
    ) -> AsyncIterator[asyncio.Task[None]]:
        """Runs a relay in this process until the block ends."""
        progress = progress or self.progress
        relay = Relay(self.connect, self.cluster, TOPICS, progress, pace=CALM, new_publisher=new_publisher)
        async with beside(relay.run()) as task:
            yield task

    async def until_copied(self) -> None:
        """Waits until the topics hold exactly the log."""
        await until_topics_hold_the_log(self.url, self.cluster, PATIENCE_SECONDS)

    async def until(self, question: str, wanted: Any, *arguments: Any) -> None:
        """Asks the database again until the answer is as wanted."""
        await until_answer(self.admin, question, wanted, *arguments, beside=self.progress.unready)


async def until(condition: Any, what: str) -> None:
    """Waits until a condition inside this process holds."""
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not condition():  # noqa: ASYNC110
                await asyncio.sleep(0.01)
    except TimeoutError:
        raise AssertionError(f"not within {PATIENCE_SECONDS} s: {what}") from None


@asynccontextmanager
async def one_relay(url: str, bootstrap: str) -> AsyncIterator[OneRelay]:
    """A log in a database, and topics with a prefix of their own."""
    admin = await asyncpg.connect(url)
    try:
        yield OneRelay(url, Cluster(bootstrap, prefix=f"{new_id().hex}."), admin)
    finally:
        await admin.close()
