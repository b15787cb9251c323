"""Histories of 200,000 genuine events, one kind for each projection, sealed and encoded as the command API does it.

It must not know what the projections make of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg

from events.catalog import encode
from events.courses import CourseCreated, CoursePublished
from events.enrollments import Enrolled
from events.event import Event
from events.messages import ChannelOpened, MessageSent
from events.partition import DEFAULT_PARTITIONS, partition_of
from events.ports import NewEvent
from events.recorded import Meta
from events.users import UserRegistered
from infra.append_batch import meta_text
from infra.ids import new_id
from infra.sealing import KeyRing, new_key
from tests.bench import school
from tests.bench.history import COLUMNS

AUTHORS = 1_000
MESSAGES_A_CHANNEL = 99
MEMBERS_A_COURSE = 100
STEP = timedelta(milliseconds=5)
LONG_AGO = timedelta(days=1)
"""Nothing is in the future, else nobody is ever late."""


class People:
    """Makes people and their data keys, as rows of `log.private`."""

    def __init__(self) -> None:
        self.ring = KeyRing(self._nobody)
        self.keys: list[tuple[str, bytes, int]] = []

    def new(self) -> UUID:
        """A person with a key."""
        user_id, key = new_id(), new_key()
        self.ring.add(user_id, key)
        self.keys.append((f"data_key/{user_id}", key, 1))
        return user_id

    @staticmethod
    async def _nobody(_: object) -> dict[UUID, bytes]:
        return {}


def users(people: People, events: int) -> Iterator[Event]:
    """Registrations."""
    for number in range(events):
        user_id, address = people.new(), f"student{number}@example.org"
        name = school.user_name(number)
        yield UserRegistered(user_id=user_id, email_hmac=f"{number:064x}", email=address, display_name=name)


def courses(people: People, events: int) -> Iterator[Event]:
    """Courses, drafted and published."""
    owner = people.new()
    for number in range(events // 2):
        course_id, title = new_id(), school.course_title(number)
        yield CourseCreated(
            course_id=course_id,
            owner_id=owner,
            title=title,
            description=school.COURSE_DESCRIPTION,
            tags=school.COURSE_TAGS,
            capacity=300,
        )
        yield CoursePublished(course_id=course_id)


def enrollments(_people: People, events: int) -> Iterator[Event]:
    """People joining courses."""
    members = [new_id() for _ in range(MEMBERS_A_COURSE)]
    for _ in range(events // MEMBERS_A_COURSE):
        course_id = new_id()
        yield from (Enrolled(course_id=course_id, user_id=member) for member in members)


def messages(people: People, events: int) -> Iterator[Event]:
    """Channels with many messages by many people, mixed as they would arrive."""
    authors = [people.new() for _ in range(AUTHORS)]
    channels = [new_id() for _ in range(events // (MESSAGES_A_CHANNEL + 1))]
    for channel_id in channels:
        yield ChannelOpened(channel_id=channel_id, course_id=new_id(), owner_id=authors[0], name="General")
    for number in range(len(channels) * MESSAGES_A_CHANNEL):
        author = authors[number * 7 % AUTHORS]
        yield MessageSent(channel_id=channels[number % len(channels)], author_id=author, text=school.TEXT)


KINDS: dict[str, Callable[[People, int], Iterator[Event]]] = {
    "users": users,
    "courses": courses,
    "enrollments": enrollments,
    "messages": messages,
}
"""By the projection that consumes them."""


def new_events(source: Iterable[Event]) -> Iterator[NewEvent]:
    """Gives each an id."""
    return (NewEvent(new_id(), event) for event in source)


def rows(source: Iterable[NewEvent], ring: KeyRing) -> Iterator[tuple[Any, ...]]:
    """The events as rows of `log.event`, numbered from 1."""
    versions: Counter[str] = Counter()
    offsets: Counter[tuple[str, int]] = Counter()
    meta, started = meta_text(Meta(actor="operator:bench")), datetime.now(UTC) - LONG_AGO
    for position, new in enumerate(source, start=1):
        event, event_id = new.event, new.id
        contract, key = event.contract, event.key
        partition = partition_of(key, DEFAULT_PARTITIONS)
        versions[key] += 1
        offsets[contract.topic, partition] += 1
        yield (position, versions[key], offsets[contract.topic, partition], started + STEP * position, partition,
               contract.schema, event_id, event.stream, contract.topic, key, contract.name,
               encode(event, event_id, ring), meta)  # fmt: skip


async def load(url: str, kind: str, events: int) -> None:
    """Fill an empty, migrated log with about that many events of a kind, and the keys that open them."""
    people = People()
    records = list(rows(new_events(KINDS[kind](people, events)), people.ring))
    connection = await asyncpg.connect(url)
    try:
        await connection.copy_records_to_table("event", schema_name="log", columns=COLUMNS, records=records)
        await connection.copy_records_to_table("private", schema_name="log", records=people.keys)
        await connection.execute("vacuum analyze log.event, log.private")
    finally:
        await connection.close()
