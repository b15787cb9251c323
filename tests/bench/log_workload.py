"""The commands that the benchmarks of the log append: messages of people who have a voice in their course.

Built from the same classes as the command API's. It must not know how long anything takes.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from random import Random
from uuid import UUID

from events import claims
from events.catalog import encode
from events.courses import CourseCreated, CoursePublished
from events.enrollments import Enrolled
from events.event import Event
from events.messages import MessageSent
from events.ports import Append, NewEvent
from events.recorded import Meta
from infra.append_batch import Prepared
from infra.event_store import PostgresEventStore, open_event_store
from infra.ids import new_id
from infra.sealing import new_key
from tests.bench.school import COURSE_DESCRIPTION, COURSE_TAGS, TEXT, course_title

COURSES = 50
MEMBERS = 40
CHANNELS = 1_000
SEED = 20_261_123


def command(
    *events: Event,
    need: tuple[claims.Claim, ...] = (),
    absent: tuple[claims.Claim, ...] = (),
    actor: UUID | None = None,
) -> Append:
    """One command with its events, ids made anew."""
    meta = Meta(actor=f"user:{actor}" if actor else "operator:bench", correlation_id=str(new_id()))
    return Append(tuple(NewEvent(new_id(), event) for event in events), meta, need=need, absent=absent)


class LogSchool:
    """Courses with members in a log, and commands against them.

    Args:
        store: an open event store on a migrated database.
        channels: the channels that messages go to; none makes new ones.
    """

    def __init__(self, store: PostgresEventStore, channels: Sequence[UUID] = ()) -> None:
        self.store = store
        self.users = [new_id() for _ in range(MEMBERS)]
        self.courses: list[UUID] = []
        self.channels = channels or [new_id() for _ in range(CHANNELS)]
        self._random = Random(SEED)
        for user_id in self.users:
            store.ring.add(user_id, new_key())

    async def fill(self) -> None:
        """Create the courses and enrol every user in each."""
        self.courses = [await self.open_course(None) for _ in range(COURSES)]
        for course_id in self.courses:
            await asyncio.gather(*(self.store.append(self.enrol(course_id, user)) for user in self.users))

    async def open_course(self, capacity: int | None) -> UUID:
        """Create and publish a course; `capacity` None means any number of seats."""
        course_id = new_id()
        created = CourseCreated(
            course_id=course_id,
            owner_id=new_id(),
            title=course_title(0),
            description=COURSE_DESCRIPTION,
            tags=COURSE_TAGS,
            capacity=capacity,
        )
        await self.store.append(command(created, CoursePublished(course_id=course_id)))
        return course_id

    def enrol(self, course_id: UUID, user_id: UUID) -> Append:
        """An Enroll command."""
        enrolled = Enrolled(course_id=course_id, user_id=user_id)
        return command(enrolled, need=(claims.course_open(course_id),), actor=user_id)

    def message(self) -> Append:
        """A SendMessage command of a random member to one of the channels."""
        number = self._random.randrange(len(self.channels))
        author = self.users[self._random.randrange(MEMBERS)]
        sent = MessageSent(channel_id=self.channels[number], author_id=author, text=TEXT)
        course_id = self.courses[number % COURSES]
        need, absent = (claims.voice(course_id, author),), (claims.muted(course_id, author),)
        return command(sent, need=need, absent=absent, actor=author)

    def prepared(self, count: int) -> list[Prepared]:
        """That many SendMessage commands, encoded and sealed as the event store does it."""
        return [
            Prepared(message, tuple(encode(new.event, new.id, self.store.ring) for new in message.events))
            for message in (self.message() for _ in range(count))
        ]


@asynccontextmanager
async def log_school(url: str, channels: Sequence[UUID] = ()) -> AsyncIterator[LogSchool]:
    """Open the event store on a migrated database and fill a school into it; for `channels` see LogSchool."""
    async with open_event_store(url, application="mimo-bench") as store:
        school = LogSchool(store, channels)
        await school.fill()
        yield school


async def append_all(store: PostgresEventStore, commands: Sequence[Append]) -> None:
    """Append commands that arrive together: the appender takes them as one batch (up to its limit)."""
    await asyncio.gather(*(store.append(each) for each in commands))
