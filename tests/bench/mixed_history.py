"""One long history of everything at once, as a busy school makes it: people come, courses open, members join and talk.

A real log: sealed, encoded and numbered as the command API does it, with edits and departures among the rest. The same
seed gives the same mix. It must not know what the projections make of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Generic, TypeVar
from uuid import UUID

import asyncpg

from events.courses import CourseChanged, CourseCreated, CoursePublished
from events.enrollments import Enrolled, Unenrolled
from events.event import Event
from events.messages import ChannelOpened, MessageDeleted, MessageEdited, MessageSent
from events.ports import NewEvent
from events.users import UserProfileChanged, UserRegistered
from infra.ids import new_id
from tests.bench import school
from tests.bench.history import COLUMNS
from tests.bench.real_history import People, rows

SEED = 20_261_123
SHARES = {
    "send": 700, "join": 160, "come": 80, "open": 10, "edit": 12, "delete": 8, "rename": 10, "leave": 10, "change": 10
}  # fmt: skip
"""How often each thing happens; to open a course is three events."""
A_TIME = 1_000
LATEST = 5_000
"""Who leaves, and what is edited or deleted, is among so many of the latest."""

Thing = TypeVar("Thing")


class Mix:
    """Makes events, each consistent with those before.

    Args:
        people: makes persons and their keys.
    """

    def __init__(self, people: People) -> None:
        self._people = people
        self._random = Random(SEED)
        self._users: list[UUID] = []
        self._channels: list[UUID] = []
        self._there: set[tuple[UUID, UUID]] = set()
        self._joined = _Latest[Enrolled](self._random)
        self._said = _Latest[tuple[UUID, MessageSent]](self._random)
        self.courses: list[UUID] = []

    def events(self, number: int) -> Iterator[NewEvent]:
        """About so many events."""
        begun = [*self._come(), *self._open(), *self._join()]
        yield from begun
        made, kinds, weights = len(begun), list(SHARES), list(SHARES.values())
        while made < number:
            for kind in self._random.choices(kinds, weights, k=A_TIME):
                for new in getattr(self, f"_{kind}")():
                    made += 1
                    yield new

    def _come(self) -> list[NewEvent]:
        user_id, number = self._people.new(), len(self._users)
        self._users.append(user_id)
        address, name = f"student{number}@example.org", school.user_name(number)
        return _new(UserRegistered(user_id=user_id, email_hmac=f"{number:064x}", email=address, display_name=name))

    def _rename(self) -> list[NewEvent]:
        user_id = self._random.choice(self._users)
        return _new(UserProfileChanged(user_id=user_id, display_name=f"Student {self._random.random()}"))

    def _open(self) -> list[NewEvent]:
        course_id, channel_id, owner = new_id(), new_id(), self._random.choice(self._users)
        title = school.course_title(len(self.courses))
        self.courses.append(course_id)
        self._channels.append(channel_id)
        return _new(
            CourseCreated(
                course_id=course_id,
                owner_id=owner,
                title=title,
                description=school.COURSE_DESCRIPTION,
                tags=school.COURSE_TAGS,
            ),
            CoursePublished(course_id=course_id),
            ChannelOpened(channel_id=channel_id, course_id=course_id, owner_id=owner, name="General"),
        )

    def _change(self) -> list[NewEvent]:
        course_id, title = self._random.choice(self.courses), f"Rings and fields {self._random.random()}"
        return _new(CourseChanged(course_id=course_id, title=title, description=school.COURSE_DESCRIPTION))

    def _join(self) -> list[NewEvent]:
        there = (self._random.choice(self.courses), self._random.choice(self._users))
        if there in self._there:
            return []
        self._there.add(there)
        joined = Enrolled(course_id=there[0], user_id=there[1])
        self._joined.add(joined)
        return _new(joined)

    def _leave(self) -> list[NewEvent]:
        return [new for left in self._joined.take() for new in self._left(left)]

    def _left(self, joined: Enrolled) -> list[NewEvent]:
        self._there.discard((joined.course_id, joined.user_id))
        return _new(Unenrolled(course_id=joined.course_id, user_id=joined.user_id))

    def _send(self) -> list[NewEvent]:
        channel_id, author_id = self._random.choice(self._channels), self._random.choice(self._users)
        sent = MessageSent(channel_id=channel_id, author_id=author_id, text=school.TEXT)
        new = _new(sent)
        self._said.add((new[0].id, sent))
        return new

    def _edit(self) -> list[NewEvent]:
        return [
            new
            for message_id, sent in self._said.take()
            for new in _new(
                MessageEdited(
                    channel_id=sent.channel_id, message_id=message_id, author_id=sent.author_id, text=school.TEXT[:60]
                )
            )
        ]

    def _delete(self) -> list[NewEvent]:
        return [
            new
            for message_id, sent in self._said.take()
            for new in _new(
                MessageDeleted(channel_id=sent.channel_id, message_id=message_id, deleted_by=sent.author_id)
            )
        ]


async def load(url: str, events: int) -> list[UUID]:
    """Fill an empty, migrated log with about that many events, and the keys that open them.

    Memory holds the people and a few thousand rows, not the history.

    Returns:
        The courses, all of them published.
    """
    people = People()
    mix = Mix(people)
    connection = await asyncpg.connect(url)
    try:
        records = rows(mix.events(events), people.ring)
        await connection.copy_records_to_table("event", schema_name="log", columns=COLUMNS, records=records)
        await connection.copy_records_to_table("private", schema_name="log", records=people.keys)
        await connection.execute("vacuum analyze log.event, log.private")
    finally:
        await connection.close()
    return mix.courses


def _new(*events: Event) -> list[NewEvent]:
    return [NewEvent(new_id(), event) for event in events]


class _Latest(Generic[Thing]):
    """Some of the latest things that were added, to be taken once each."""

    def __init__(self, chance: Random) -> None:
        self._random = chance
        self._things: list[Thing] = []

    def add(self, thing: Thing) -> None:
        if len(self._things) < LATEST:
            self._things.append(thing)
        else:
            self._things[self._random.randrange(LATEST)] = thing

    def take(self) -> list[Thing]:
        """One, or none."""
        return [self._things.pop()] if self._things else []
