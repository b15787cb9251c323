"""One projection on a database of its own, run inside the test or looked at from outside."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any
from uuid import UUID

import asyncpg

from events.courses import CourseCreated, CoursePublished
from events.recorded import Delivered
from infra.event_log.membership import Pace
from infra.event_log.postgres import PostgresLog
from infra.ids import new_id
from infra.postgres import Role, connect
from projectors.batches import Batches
from projectors.checkpoints import Generation
from projectors.generations import followed
from projectors.opening import Opener
from projectors.progress import Progress
from projectors.projection import Policy, Projection, Transaction
from projectors.runner import Runner
from projectors.session import ViewSession
from projectors.views import courses
from tests.beside import beside
from tests.until import until_answer
from tests.written_log import WrittenLog

PATIENCE_SECONDS = 20
POISON = "poison"


class FussyCourses(courses.Courses):
    """Courses, but for those with a certain title; every batch is noted."""

    def __init__(self) -> None:
        self.batches: list[int] = []
        self.trouble: list[Exception] = []

    async def apply(self, transaction: Transaction, batch: Sequence[Delivered]) -> None:
        self.batches.append(len(batch))
        if self.trouble:
            raise self.trouble.pop(0)
        await super().apply(transaction, batch)
        if any(isinstance(d.event, CourseCreated) and d.event.title == POISON for d in batch):
            raise ValueError("this title again")

    def _beside(self, suffix: str) -> str:
        return courses.Courses()._beside(suffix)


class ParkingCourses(FussyCourses):
    """The same with the policy to park."""

    policy = Policy.PARK


class OneProjection:
    """A projection, its generation in a database, and a log to write into."""

    def __init__(self, url: str, projection: Projection, generation: Generation, admin: asyncpg.Connection) -> None:
        self.url, self.projection, self.generation, self.admin = url, projection, generation, admin
        self.log = WrittenLog()
        self.progress = Progress(projection.name)
        self.own = partial(connect, url, application="test-projector", role=Role.PROJECTOR)

    def course(self, title: str = "Algebra") -> UUID:
        """A course is created and published."""
        course_id = new_id()
        self.log.add(CourseCreated(course_id=course_id, owner_id=new_id(), title=title, description=""))
        self.log.add(CoursePublished(course_id=course_id))
        return course_id

    async def store(self) -> None:
        await self.log.store(self.url)

    def batches(self) -> tuple[Batches, ViewSession]:
        session = ViewSession(self.own, self.generation)
        opener = Opener(self.projection, self.log.ring)
        return Batches(self.projection, self.generation, session, opener, self.progress), session

    @asynccontextmanager
    async def running(self, batch_events: int = 1000) -> AsyncIterator[asyncio.Task[None]]:
        """Runs a runner in this process until the block ends."""
        batches, session = self.batches()
        log = PostgresLog(self.own, pace=Pace(0.1, 1.0), poll_seconds=0.05)
        topics = self.projection.topics
        runner = Runner(
            self.generation, topics, log, batches, self.progress, batch_events=batch_events, first_pause_seconds=0.01
        )
        try:
            async with beside(runner.run()) as task:
                yield task
        finally:
            session.close()

    async def until(self, question: str, wanted: Any, *arguments: Any) -> None:
        """Asks the database again until the answer is as wanted."""
        await until_answer(self.admin, question, wanted, *arguments, beside=self.progress.unready)

    async def until_applied(self) -> None:
        """Until every event of the log has moved a checkpoint."""
        await self.until('select sum("offset")::int from projection.checkpoint', len(self.log.events))


@asynccontextmanager
async def one_projection(url: str, projection: Projection) -> AsyncIterator[OneProjection]:
    """A projection with its first generation born."""
    admin = await asyncpg.connect(url)
    own = await connect(url, application="test-projector", role=Role.PROJECTOR)
    try:
        (generation,) = await followed(own, projection)
        yield OneProjection(url, projection, generation, admin)
    finally:
        await own.close()
        await admin.close()
