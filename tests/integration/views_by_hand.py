"""Views without a projector: a test says what happened, and by itself when which view shows it.

So the query API can be tried at moments that a real projector passes through too quickly to be caught.
"""

import json
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

import asyncpg

from events.bookmark import format_bookmark
from events.partition import partition_of
from infra.ids import new_id

VIEWS = Path(__file__).parents[2] / "projectors" / "views"
OWN = ("users", "courses", "enrollments", "messages", "reading", "moderation")
TOPICS = {name: f"mimo.{name}" for name in OWN} | {"search": "mimo.messages"}
"""Of each projection, the topic of its rows."""
CONSUMED = {name: [topic] for name, topic in TOPICS.items()} | {
    name: ["mimo.messages", "mimo.users"] for name in ("messages", "search")
}
ON_PATH = """
select set_config('search_path', string_agg(format('%s_v%s_g%s', projection, version, generation), ','), true)
from projection.generation where status = 'live'"""
BEGINNING = datetime(2026, 9, 1, tzinfo=UTC)


class Happened(NamedTuple):
    """Where an event is in the log, and the projection that has to show it."""

    projection: str
    partition: int
    offset: int
    version: int
    id: UUID


class ViewsByHand:
    """The log and the views of one database, written by hand over one connection."""

    def __init__(self, connection: asyncpg.Connection, log_id: UUID, partitions: int) -> None:
        self.connection, self.log_id, self.partitions = connection, log_id, partitions
        self.moment = BEGINNING
        self.last = Happened("users", 0, 0, 0, UUID(int=0))

    def bookmark(self, *happened: Happened) -> str:
        """What a command that made these events would answer."""
        return format_bookmark(
            self.log_id, [((TOPICS[event.projection], event.partition), event.offset) for event in happened]
        )

    async def happen(self, projection: str, key: UUID, name: str, **data: Any) -> Happened:
        """Puts an event into the log; no view shows it yet."""
        topic, partition = TOPICS[projection], self.partition_of(key)
        self.moment += timedelta(seconds=1)
        event_id, stream = new_id(), f"{projection}-{key}"
        row = await self.connection.fetchrow(
            """
            insert into log.event
              (position, version, "offset", at, partition, schema, id, stream, topic, key, type, data, meta)
            select coalesce((select max(position) from log.event), 0) + 1,
              coalesce((select max(version) from log.event where stream = $1), 0) + 1,
              coalesce((select max("offset") from log.event where topic = $2 and partition = $3), 0) + 1,
              $4, $3, 1, $5, $1, $2, $6, $7, $8, '{}'
            returning "offset", version
            """,
            stream, topic, partition, self.moment, event_id, str(key), name, json.dumps(data, default=str),
        )  # fmt: skip
        self.last = Happened(projection, partition, row["offset"], row["version"], event_id)
        return self.last

    async def show(self, happened: Happened, *statements: tuple[Any, ...], by: Iterable[str] | None = None) -> None:
        """Applies an event: rows, checkpoint and notification in one transaction.

        As by a real projector, a view can be shown nothing but the event after its checkpoint: moved past an event, or
        back to one, a checkpoint says what is not so.

        Args:
            happened: the event.
            statements: what changes the rows.
            by: the projections that apply it; None: all that consume its topic.
        """
        topic = TOPICS[happened.projection]
        appliers = [name for name, topics in CONSUMED.items() if topic in topics] if by is None else list(by)
        async with self.connection.transaction():
            await self.connection.execute(ON_PATH)
            for statement, *arguments in statements:
                await self.connection.execute(statement, *arguments)
            moved = await self.connection.fetch(
                """
                update projection.checkpoint set "offset" = $3
                where projection = any ($1) and topic = $4 and partition = $2 and (projection, generation) in
                  (select projection, generation from projection.generation where status = 'live')
                  and "offset" = $3 - 1
                returning projection
                """,
                appliers, happened.partition, happened.offset, topic,
            )  # fmt: skip
            assert {row["projection"] for row in moved} == set(appliers), "a view was to be shown events out of order"
            await self.connection.execute("select pg_notify('mimo_view', n) from unnest($1::text[]) n", appliers)

    async def build(self, projection: str, generation: int = 1) -> None:
        """Makes an empty generation of a projection and lets `read.*` show it."""
        schema = f"{projection}_v1_g{generation}"
        async with self.connection.transaction():
            await self.connection.execute(
                "update projection.generation set status = 'retired' where projection = $1", projection
            )
            await self.connection.execute(
                "insert into projection.generation (projection, version, generation, status, log_id)"
                " values ($1, 1, $2, 'live', $3)",
                projection, generation, self.log_id,
            )  # fmt: skip
            await self.connection.execute(
                """
                insert into projection.checkpoint (projection, generation, topic, partition, "offset")
                select $1, $2, t, p, coalesce((select max(c."offset") from projection.checkpoint c
                  where c.projection = $1 and c.topic = t and c.partition = p), 0)
                from unnest($3::text[]) t, generate_series(0, $4 - 1) p
                """,
                projection, generation, CONSUMED[projection], self.partitions,
            )  # fmt: skip
            await self.connection.execute("select projection.create_schema($1)", schema)
            for script, path in ((f"{projection}.sql", schema), (f"{projection}_read.sql", f"read, {schema}")):
                await self.connection.execute("select set_config('search_path', $1, true)", path)
                await self.connection.execute((VIEWS / script).read_text())
            await self.connection.execute("select pg_notify('mimo_view', $1)", projection)

    def partition_of(self, key: UUID) -> int:
        """Where the events of a key go."""
        return partition_of(str(key), self.partitions)

    def neighbour_of(self, key: UUID) -> UUID:
        """A new id whose events go to the same partition."""
        return self._id_that(lambda place: place == self.partition_of(key))

    def stranger_to(self, key: UUID) -> UUID:
        """A new id whose events go to another partition."""
        return self._id_that(lambda place: place != self.partition_of(key))

    def _id_that(self, suits: Callable[[int], bool]) -> UUID:
        while not suits(self.partition_of(found := new_id())):
            pass
        return found

    # -- the usual events, shown at once -----------------------------------------------------------------------------

    async def person(self, name: str, user_id: UUID | None = None) -> UUID:
        """Someone registered."""
        user_id = user_id or new_id()
        event = await self.happen("users", user_id, "UserRegistered", user_id=user_id)
        await self.show(event, (PERSON, user_id, name, f"{name.lower()}@example.org", self.moment))
        return user_id

    async def renamed(self, user_id: UUID, name: str) -> Happened:
        """Someone changed their name."""
        event = await self.happen("users", user_id, "UserProfileChanged", user_id=user_id)
        await self.show(event, (RENAME, user_id, name))
        return event

    async def course(
        self, owner_id: UUID, title: str, *, capacity: int | None = None, tags: Iterable[str] = ()
    ) -> UUID:
        """A published course."""
        course_id = await self.draft(owner_id, title, capacity=capacity, tags=tags)
        event = await self.happen("courses", course_id, "CoursePublished", course_id=course_id)
        await self.show(event, (PUBLISH, course_id, self.moment, event.version))
        return course_id

    async def draft(self, owner_id: UUID, title: str, *, capacity: int | None = None, tags: Iterable[str] = ()) -> UUID:
        """A course that nobody else sees yet."""
        course_id = new_id()
        event = await self.happen("courses", course_id, "CourseCreated", course_id=course_id, owner_id=owner_id)
        await self.show(event, (COURSE, course_id, owner_id, title, list(tags), capacity, self.moment))
        return course_id

    async def enrolled(self, course_id: UUID, user_id: UUID) -> Happened:
        """Someone joined a course."""
        event = await self.happen("enrollments", course_id, "Enrolled", course_id=course_id, user_id=user_id)
        await self.show(event, (ENROLL, course_id, user_id, self.moment), (COUNT, course_id, 1))
        return event

    async def left(self, course_id: UUID, user_id: UUID) -> Happened:
        """Someone left a course."""
        event = await self.happen("enrollments", course_id, "Unenrolled", course_id=course_id, user_id=user_id)
        await self.show(event, (LEAVE, course_id, user_id), (COUNT, course_id, -1))
        return event

    async def channel(self, course_id: UUID, owner_id: UUID, name: str = "general") -> UUID:
        """A course got a channel."""
        channel_id = new_id()
        event = await self.happen("messages", channel_id, "ChannelOpened", channel_id=channel_id, course_id=course_id)
        await self.show(event, (CHANNEL, channel_id, course_id, owner_id, name, self.moment))
        return channel_id

    async def said(self, channel_id: UUID, author_id: UUID, text: str) -> Happened:
        """Someone said something."""
        event = await self.happen("messages", channel_id, "MessageSent", channel_id=channel_id, author_id=author_id)
        await self.show_said(event, channel_id, author_id, text)
        return event

    async def show_said(self, event: Happened, channel_id: UUID, author_id: UUID, text: str) -> None:
        """The view of messages shows what someone said."""
        await self.show(
            event,
            (SAID, channel_id, event.version, event.id, author_id, text, self.moment),
            (MOVE, channel_id, event.version),
        )


PERSON = "insert into read.users_v1 values ($1, $2, $3, array['student'], $4, 1)"
RENAME = "update read.users_v1 set display_name = $2 where user_id = $1"
NAMELESS = "update read.users_v1 set display_name = null, email = null where user_id = $1"
TEXTLESS = "insert into erased_author values ($1)"
COURSE = """
insert into read.courses_v1 (course_id, owner_id, title, description, tags, capacity, status, created_at, version)
values ($1, $2, $3, 'About ' || $3, $4, $5, 'draft', $6, 1)
"""
PUBLISH = "update read.courses_v1 set status = 'published', published_at = $2, version = $3 where course_id = $1"
ENROLL = "insert into read.enrollments_v1 values ($1, $2, $3)"
LEAVE = "delete from read.enrollments_v1 where course_id = $1 and user_id = $2"
COUNT = """
with known as (
  update read.enrollment_counts_v1 set enrolled_count = enrolled_count + $2 where course_id = $1 returning 1
)
insert into read.enrollment_counts_v1 select $1, $2 where not exists (select from known)
"""
CHANNEL = "insert into read.channels_v1 values ($1, $2, $3, $4, $5, 1, 0)"
MUTE = "insert into read.mutes_v1 values ($1, $2, $3, $4, 'infinity')"
SAID = "insert into message values ($1, $2::bigint, $2::bigint - 1, $3, $4, $5, $6, null, false)"
MOVE = "update read.channels_v1 set last_seq = $2, message_count = message_count + 1 where channel_id = $1"


@asynccontextmanager
async def views_by_hand(url: str) -> AsyncIterator[ViewsByHand]:
    """Builds all views of a migrated, empty database."""
    connection = await asyncpg.connect(url)
    try:
        row = await connection.fetchrow("select log_id, partitions from log.installation")
        views = ViewsByHand(connection, row["log_id"], row["partitions"])
        for projection in TOPICS:
            await views.build(projection)
        yield views
    finally:
        await connection.close()
