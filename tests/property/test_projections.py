"""Every view equals the fold of the log, whatever the batches, and in whatever order partitions arrive."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from events.courses import CourseArchived, CourseChanged, CourseCreated, CoursePublished
from events.enrollments import Enrolled, Unenrolled
from events.messages import (
    ChannelOpened,
    ChannelRenamed,
    DirectChannelOpened,
    MessageDeleted,
    MessageEdited,
    MessageSent,
    ReactionAdded,
    ReactionRemoved,
    direct_channel_id,
    direct_pair,
)
from events.reading import ChannelRead
from events.recorded import Delivered, Recorded
from events.users import PasswordChanged, RoleGranted, UserErased, UserProfileChanged, UserRegistered
from infra.event_log.reader import mixed
from infra.ids import new_id
from infra.sealing import KeyRing
from projectors.generations import Status, bear
from projectors.opening import Opener
from projectors.projection import Projection
from projectors.views import PROJECTIONS
from tests.property.moderators import Moderators
from tests.property.view_model import folded
from tests.written_log import WrittenLog

TABLES = {
    "users": ("person",),
    "courses": ("course",),
    "enrollments": ("enrollment", "enrollment_count"),
    "messages": (
        "channel", "channel_person", "shown_message", "mention", "reaction", "message_change", "erased_author",
    ),
    "reading": ("read_marker",),
    "moderation": ("mute", "report"),
    "search": ("shown_entry", "erased_writer"),
}  # fmt: skip
FEW_PARTITIONS = 3
WORDS = """
    select array_agg(search.words(n.text, n.channel_id)::text order by n.number)
    from unnest($1::text[], $2::uuid[]) with ordinality n (text, channel_id, number)"""
ROWS = """
    select coalesce(array_agg(attname::text order by attname::text collate "C"), '{}') from pg_attribute
    where attrelid = $1::text::regclass and attnum > 0 and not attisdropped and attgenerated = ''"""


class School:
    """Makes histories that the deciders would allow, by chance."""

    def __init__(self, chance: random.Random, partitions: int = FEW_PARTITIONS) -> None:
        self.chance = chance
        self.log = WrittenLog(partitions)
        self.people = [self._register() for _ in range(5)]
        self.courses: list[tuple[Any, str]] = []
        self.members: set[tuple[Any, Any]] = set()
        self.channels: list[Any] = []
        self.messages: dict[Any, tuple[Any, Any]] = {}
        self.begun: dict[Any, Any] = {}
        self.reactions: set[tuple[Any, Any, Any, str]] = set()
        self.erased: list[Any] = []
        self.moderators = Moderators(self.log, chance, self.people)

    def happen(self) -> None:
        """One more thing."""
        steps: list[Callable[[], object]] = [
            self._register, self._rename, self._grant, self._password, self._create, self._change, self._life,
            self._join, self._leave, self._open, self._direct, self._call, self._send, self._send, self._send,
            self._reply, self._reply, self._edit, self._edit, self._delete, self._react, self._react, self._unreact,
            self._erase, self._read, self._read, *self.moderators.steps,
        ]  # fmt: skip
        self.chance.choice(steps)()

    def _word(self) -> str:
        return self.chance.choice(["algebra", 'Ωmega, "quoted"', "", "a\\b", "{curly}", "ß" * 50])

    def _register(self) -> Any:
        user = self.log.person()
        self.log.add(
            UserRegistered(user_id=user, email_hmac=user.hex, email=f"{user}@x.org", display_name=self._word())
        )
        return user

    def _rename(self) -> None:
        self.log.add(UserProfileChanged(user_id=self.chance.choice(self.people), display_name=self._word()))

    def _grant(self) -> None:
        self.log.add(
            RoleGranted(user_id=self.chance.choice(self.people), role=self.chance.choice(["instructor", "admin"]))
        )

    def _password(self) -> None:
        self.log.add(PasswordChanged(user_id=self.chance.choice(self.people), session_id=new_id()))

    def _erase(self) -> None:
        """Somebody, who may say a little more: other processes hear of it within a second."""
        living = [person for person in self.people if person not in self.erased]
        if len(living) > 3:
            self.erased.append(self.chance.choice(living))
            gone = self.erased[-1]
            self.log.add(UserErased(user_id=gone, email_hmac=gone.hex, destroyed=("data_key", "password")))

    def _text(self) -> dict[str, Any]:
        tags = tuple(self._word() for _ in range(self.chance.randrange(3)))
        return {
            "title": self._word(),
            "description": self._word(),
            "tags": tags,
            "capacity": self.chance.choice([None, 7]),
        }

    def _create(self) -> None:
        course = new_id()
        self.log.add(CourseCreated(course_id=course, owner_id=self.chance.choice(self.people), **self._text()))
        self.courses.append((course, "draft"))

    def _change(self) -> None:
        if self.courses:
            self.log.add(CourseChanged(course_id=self.chance.choice(self.courses)[0], **self._text()))

    def _life(self) -> None:
        if not self.courses:
            return
        course, state = self.courses.pop(self.chance.randrange(len(self.courses)))
        self.log.add(CoursePublished(course_id=course) if state == "draft" else CourseArchived(course_id=course))
        if state == "draft":
            self.courses.append((course, "published"))

    def _join(self) -> None:
        membership = (self.chance.choice(self.courses)[0] if self.courses else uuid4(), self.chance.choice(self.people))
        if membership not in self.members:
            self.members.add(membership)
            self.log.add(Enrolled(course_id=membership[0], user_id=membership[1]))

    def _leave(self) -> None:
        if self.members:
            membership = self.chance.choice(sorted(self.members))
            self.members.remove(membership)
            self.log.add(Unenrolled(course_id=membership[0], user_id=membership[1]))

    def _open(self) -> None:
        channel = new_id()
        self.channels.append(channel)
        self.log.add(ChannelOpened(channel_id=channel, course_id=new_id(), owner_id=self.people[0], name=self._word()))

    def _direct(self) -> None:
        people = direct_pair(*self.chance.sample(self.people, 2))
        if (channel := direct_channel_id(*people)) not in self.channels:
            self.channels.append(channel)
            self.log.add(DirectChannelOpened(channel_id=channel, people=people))

    def _call(self) -> None:
        if self.channels:
            channel = self.chance.choice(self.channels)
            self.log.add(ChannelRenamed(channel_id=channel, name=self._word(), renamed_by=self.people[0]))

    def _mentions(self) -> tuple[Any, ...]:
        return tuple(self.chance.sample(self.people, self.chance.choice([0, 0, 1, 3])))

    def _send(self) -> None:
        if self.channels:
            self._say(self.chance.choice(self.channels), None)

    def _reply(self) -> None:
        """To a message that is there, but the thread's first may be gone by then."""
        if self.messages:
            message = self.chance.choice(list(self.messages))
            self._say(self.messages[message][0], self.begun[message] or message)

    def _say(self, channel: Any, thread: Any) -> None:
        author = self.chance.choice(self.people)
        sent = self.log.add(
            MessageSent(
                channel_id=channel, author_id=author, text=self._word(), thread_id=thread, mentions=self._mentions()
            )
        )
        self.messages[sent.id] = (channel, author)
        self.begun[sent.id] = thread

    def _edit(self) -> None:
        if self.messages:
            message = self.chance.choice(list(self.messages))
            channel, author = self.messages[message]
            said = MessageEdited(
                channel_id=channel, message_id=message, author_id=author, text=self._word(), mentions=self._mentions()
            )
            self.log.add(said)

    def _delete(self) -> None:
        if self.messages:
            message = self.chance.choice(list(self.messages))
            channel, author = self.messages.pop(message)
            self.log.add(MessageDeleted(channel_id=channel, message_id=message, deleted_by=author))

    def _read(self) -> None:
        """Marks may come out of order."""
        if self.channels:
            user, channel = self.chance.choice(self.people), self.chance.choice(self.channels)
            self.log.add(ChannelRead(user_id=user, channel_id=channel, number=self.chance.randrange(1, 9)))

    def _react(self) -> None:
        if self.messages:
            message = self.chance.choice(list(self.messages))
            felt = (self.messages[message][0], message, self.chance.choice(self.people), self.chance.choice("👍🎉"))
            if felt not in self.reactions:
                self.reactions.add(felt)
                self._felt(ReactionAdded, felt)

    def _unreact(self) -> None:
        """Takes a reaction back, also of a message that was deleted in between."""
        if self.reactions:
            felt = self.chance.choice(sorted(self.reactions))
            self.reactions.remove(felt)
            self._felt(ReactionRemoved, felt)

    def _felt(self, kind: type[ReactionAdded | ReactionRemoved], felt: tuple[Any, Any, Any, str]) -> None:
        channel, message, user, emoji = felt
        self.log.add(kind(channel_id=channel, message_id=message, user_id=user, emoji=emoji))


def cut(events: Sequence[Recorded], chance: random.Random) -> list[Sequence[Recorded]]:
    """The same events in batches of any sizes."""
    places = sorted(chance.sample(range(len(events) + 1), chance.randrange(min(len(events), 12) + 1)))
    return [events[a:b] for a, b in zip([0, *places], [*places, len(events)], strict=True) if a < b]


async def applied(
    connection: asyncpg.Connection, projection: Projection, batches: Sequence[Sequence[Recorded]], ring: KeyRing
) -> dict[str, list[tuple[Any, ...]]]:
    """The rows of a projection after some batches, in a generation that is thrown away."""
    opener = Opener(projection, ring)
    transaction = connection.transaction()
    await transaction.start()
    try:
        await bear(connection, projection, uuid4(), FEW_PARTITIONS, Status.BUILDING)
        for batch in batches:
            if delivered := await opener.open(batch):
                await projection.apply(connection, delivered)
        return {table: await rows(connection, table) for table in TABLES[projection.name]}
    finally:
        await transaction.rollback()


async def rows(connection: asyncpg.Connection, table: str) -> list[tuple[Any, ...]]:
    columns = await connection.fetchval(ROWS, table)
    found = await connection.fetch(f"select * from {table}")
    plain = (tuple(tuple(v) if isinstance(v := row[name], list) else v for name in columns) for row in found)
    return sorted(plain, key=repr)


def model(projection: Projection, log: WrittenLog, ring: KeyRing) -> dict[str, list[tuple[Any, ...]]]:
    from events.catalog import decode

    everything = [Delivered(e, decode(e.type, e.schema, e.data, e.id, ring)) for e in log.events]
    tables = folded(everything)
    return {name: tables[name] for name in TABLES[projection.name]}


async def worded(
    connection: asyncpg.Connection, tables: dict[str, list[tuple[Any, ...]]]
) -> dict[str, list[tuple[Any, ...]]]:
    """The model's tables with the words of texts in the place of the texts."""
    if entries := tables.get("shown_entry"):
        words = await connection.fetchval(WORDS, [row[-1] for row in entries], [row[1] for row in entries])
        tables["shown_entry"] = [(*row[:-1], found) for row, found in zip(entries, words, strict=True)]
    return tables


@pytest.mark.parametrize("projection", PROJECTIONS, ids=lambda projection: projection.name)
@settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.differing_executors],
)
@given(seed=st.integers(0, 2**32), events=st.integers(0, 120))
async def test_a_view_equals_the_fold_of_the_log_in_any_batches_and_any_order_of_partitions(
    shared_database_url: str, projection: Projection, seed: int, events: int
) -> None:
    chance = random.Random(seed)
    school = School(chance)
    for _ in range(events):
        school.happen()
    recorded = [event for event in school.log.events if event.topic in projection.topics]
    ring = KeyRing(school.log.fetch)
    await ring.load(school.log.keys)
    connection = await asyncpg.connect(shared_database_url)
    try:
        wanted = await worded(connection, model(projection, school.log, ring))
        for batches in (
            [recorded] if recorded else [],
            [[event] for event in recorded],
            cut(recorded, chance),
            cut(mixed(recorded, chance), chance),
            cut(mixed(recorded, chance), chance),
        ):
            assert await applied(connection, projection, batches, ring) == wanted
        for gone in school.erased:
            del school.log.keys[gone]
        replay = cut(mixed(recorded, chance), chance)
        assert await applied(connection, projection, replay, KeyRing(school.log.fetch)) == wanted
    finally:
        await connection.close()


async def test_erased_people_leave_nulls(shared_database_url: str) -> None:
    school = School(random.Random(1))
    for _ in range(200):
        school.happen()
    gone = school.people[0]
    del school.log.keys[gone]
    ring = KeyRing(school.log.fetch)
    connection = await asyncpg.connect(shared_database_url)
    try:
        for projection in PROJECTIONS:
            events = [event for event in school.log.events if event.topic in projection.topics]
            got = await applied(connection, projection, [events], ring)
            await ring.load(school.log.keys)
            assert got == await worded(connection, model(projection, school.log, ring))
            if projection.name == "users":
                assert [row[:2] for row in got["person"] if row[4] == gone] == [(None, None)]
            if projection.name == "messages":
                assert all(row[10] is None for row in got["shown_message"] if row[0] == gone)
                assert any(row[10] is not None for row in got["shown_message"])
    finally:
        await connection.close()
