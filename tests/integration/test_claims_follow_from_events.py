"""Folding `effects` over the log gives just the claims and counts that the log keeps: it can rebuild them.

Folded here event by event, and by the doctor in SQL.
"""

import asyncio
import random
from collections import defaultdict
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID

import asyncpg
import pytest

from events.catalog import decode
from events.claims import Claim, course_open, effects, muted, voice
from events.courses import CourseArchived, CourseChanged, CourseCreated, CoursePublished
from events.enrollments import Enrolled, Unenrolled
from events.errors import Refused
from events.event import Event
from events.messages import MessageDeleted, MessageSent
from events.moderation import MemberMuted, MemberUnmuted
from events.ports import Append, NewEvent
from events.users import PasswordChanged, Role, RoleGranted, SessionEnded, SessionStarted, UserErased
from infra.event_store import PostgresEventStore, open_event_store
from infra.ids import new_id
from mimo.doctor.deep import log_findings
from mimo.doctor.finding import Verdict
from tests.integration.log_commands import META, register

ROUNDS = 40
COMMANDS_A_ROUND = 20
CAPACITIES = (None, 1, 2, 4)
UNTIL = datetime(2026, 12, 1, tzinfo=UTC)
ROLES: tuple[Role, ...] = ("instructor", "admin")


@dataclass
class Folded:
    """The claims as the events alone tell them."""

    holders: dict[Claim, UUID] = field(default_factory=dict)
    limits: dict[str, int | None] = field(default_factory=dict)

    def apply(self, event: Event, event_id: UUID) -> None:
        for effect in effects(event):
            claim = Claim(effect.scope, effect.key)
            if effect.kind == "take":
                assert claim not in self.holders, f"{claim} was taken twice"
                self.holders[claim] = event_id
            elif effect.kind == "release":
                self.holders.pop(claim, None)
            elif effect.kind == "limit":
                self.limits[effect.scope] = int(effect.key) if effect.key else None
            else:
                for other in [c for c in self.holders if c.scope == effect.scope and c.key != effect.key]:
                    del self.holders[other]

    def counts(self) -> dict[str, tuple[int | None, int]]:
        """By scope with a limit: the limit and how many keys are held."""
        held: dict[str, int] = defaultdict(int)
        for claim in self.holders:
            held[claim.scope] += 1
        return {scope: (limit, held[scope]) for scope, limit in self.limits.items()}


class School:
    """Commands as people give them: sensible ones and pointless ones, chosen by a seeded chance."""

    def __init__(self, people: list[UUID], courses: list[UUID], seed: int) -> None:
        self.people, self.courses, self.sessions = people, courses, [new_id() for _ in range(6)]
        self.messages = [new_id() for _ in range(4)]
        self.chance = random.Random(seed)

    def command(self) -> Append:
        """The next one."""
        someone, course = self.chance.choice(self.people), self.chance.choice(self.courses)
        if self.chance.random() < 0.15:
            return self._silence(someone, course)
        making = self.chance.choice((self._account, self._session, self._course, self._seat, self._seat, self._message))
        event, need = making(someone, course)
        return Append((NewEvent(new_id(), event),), META, need=need)

    def _silence(self, someone: UUID, course: UUID) -> Append:
        """Muted, unmuted, or muted anew by one command, which gives the claim back and takes it."""
        mute = MemberMuted(course_id=course, user_id=someone, muted_by=self.people[0], until=UNTIL)
        unmute = MemberUnmuted(course_id=course, user_id=someone, unmuted_by=self.people[0])
        events = self.chance.choice(((mute,), (unmute,), (unmute, mute)))
        need = (muted(course, someone),) if unmute in events else ()
        return Append(tuple(NewEvent(new_id(), event) for event in events), META, need=need)

    def _account(self, someone: UUID, _course: UUID) -> tuple[Event, tuple[Claim, ...]]:
        if self.chance.random() < 0.1:
            return UserErased(user_id=someone, email_hmac=someone.hex, destroyed=()), ()
        if self.chance.random() < 0.5:
            return RoleGranted(user_id=someone, role=self.chance.choice(ROLES)), ()
        return PasswordChanged(user_id=someone, session_id=self.chance.choice(self.sessions)), ()

    def _session(self, someone: UUID, _course: UUID) -> tuple[Event, tuple[Claim, ...]]:
        session = self.chance.choice(self.sessions)
        if self.chance.random() < 0.6:
            return SessionStarted(user_id=someone, session_id=session), ()
        ended = session if self.chance.random() < 0.7 else None
        return SessionEnded(user_id=someone, session_id=ended, reason="logout"), ()

    def _course(self, _someone: UUID, course: UUID) -> tuple[Event, tuple[Claim, ...]]:
        kind = self.chance.randrange(5)
        if kind == 0:
            return CoursePublished(course_id=course), ()
        if kind == 1 and self.chance.random() < 0.3:
            return CourseArchived(course_id=course), (course_open(course),)
        capacity = self.chance.choice(CAPACITIES)
        return CourseChanged(course_id=course, title="t", description="d", capacity=capacity), ()

    def _seat(self, someone: UUID, course: UUID) -> tuple[Event, tuple[Claim, ...]]:
        if self.chance.random() < 0.7:
            return Enrolled(course_id=course, user_id=someone), (course_open(course),)
        return Unenrolled(course_id=course, user_id=someone), (voice(course, someone),)

    def _message(self, someone: UUID, course: UUID) -> tuple[Event, tuple[Claim, ...]]:
        if self.chance.random() < 0.3:
            deleted = MessageDeleted(
                channel_id=course, message_id=self.chance.choice(self.messages), deleted_by=someone
            )
            return deleted, ()
        name = self.chance.choice((None, "one", "two", "three"))
        sent = MessageSent(channel_id=course, author_id=someone, text="hello", client_message_id=name)
        return sent, (voice(course, someone),)


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[PostgresEventStore]:
    async with open_event_store(database_url) as opened:
        yield opened


async def draft(store: PostgresEventStore, owner: UUID) -> UUID:
    """A course with two seats that cannot be joined yet."""
    course = new_id()
    created = CourseCreated(course_id=course, owner_id=owner, title="t", description="d", capacity=2)
    await store.append(Append((NewEvent(new_id(), created),), META))
    return course


async def fold(connection: asyncpg.Connection, store: PostgresEventStore) -> Folded:
    """Reads the whole log and folds it."""
    folded = Folded()
    for row in await connection.fetch("select id, type, schema, data from log.event order by position"):
        folded.apply(decode(row["type"], row["schema"], row["data"], row["id"], store.ring), row["id"])
    return folded


@pytest.mark.parametrize("seed", range(3))
async def test_the_claims_in_the_log_equal_the_fold_of_its_events(
    database_url: str, store: PostgresEventStore, seed: int
) -> None:
    people = [await register(store, f"person{number}") for number in range(5)]
    courses = [await draft(store, people[0]) for _ in range(3)]
    school = School(people, courses, seed)
    refused: set[str] = set()
    for _ in range(ROUNDS):
        commands = [store.append(school.command()) for _ in range(COMMANDS_A_ROUND)]
        for answer in await asyncio.gather(*commands, return_exceptions=True):
            if isinstance(answer, Refused):
                refused.add(answer.reason)
            elif isinstance(answer, BaseException):
                raise answer
    assert refused == {"taken", "missing", "full"}, "the commands were too tame to show anything"

    connection = await asyncpg.connect(database_url)
    try:
        folded = await fold(connection, store)
        async with connection.transaction(isolation="repeatable_read"):
            findings = await log_findings(connection, lambda *_: None)
        claims = await connection.fetch("select scope, key, event_id from log.claim")
        counts = await connection.fetch(
            "select distinct on (scope) scope, capacity, held from log.scope_count order by scope, change desc"
        )
    finally:
        await connection.close()
    assert [finding.verdict for finding in findings if finding.subject == "claims"] == [Verdict.FINE]
    assert {Claim(row["scope"], row["key"]): row["event_id"] for row in claims} == folded.holders
    assert {row["scope"]: (row["capacity"], row["held"]) for row in counts} == folded.counts()
