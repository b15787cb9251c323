"""Who was erased is taken out of the views although nothing comes from the log: Kafka or the relay stands still."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from typing import Any
from uuid import UUID

import asyncpg
import msgspec
import pytest_asyncio

from events.bookmark import Place
from events.messages import ChannelOpened, MessageSent
from events.ports import Checkpoints, EventLog, Item
from events.users import UserErased, UserRegistered
from infra.event_log.membership import Pace
from infra.event_log.postgres import PostgresLog
from infra.ids import new_id
from infra.postgres import Role, connect
from projectors.views.messages import Messages
from projectors.views.users import Users
from tests.beside import projecting
from tests.until import until_answer
from tests.written_log import WrittenLog

PATIENCE_SECONDS = 20
PERSON = "select row(display_name, email)::text from users_v1_g1.person where user_id = $1"
TEXTS = "select count(text) from messages_v1_g1.message where author_id = $1"
SHOWN = "select count(text) from read.messages_v1 where author_id = $1"
APPLIED = 'select coalesce(sum("offset"), 0)::int from projection.checkpoint'
NOBODY = "(,)"


class StandingStill:
    """A log that somebody follows and from which nothing comes."""

    @asynccontextmanager
    async def follow(
        self, topics: Sequence[str], checkpoints: Checkpoints, *, group: str | None = None, batch_size: int = 1000
    ) -> AsyncIterator[AsyncIterator[Item]]:
        async def nothing() -> AsyncIterator[Item]:
            await asyncio.Event().wait()
            yield  # type: ignore[misc]

        yield nothing()

    async def ends(self, topics: Sequence[str]) -> Mapping[Place, int]:
        return {}


class Views:
    """The two views that show people, of a log with somebody who said something."""

    def __init__(self, url: str, admin: asyncpg.Connection) -> None:
        self.admin = admin
        self.url = url
        self.own = partial(connect, url, application="test-erasing", role=Role.PROJECTOR)
        self.log = WrittenLog()
        self.ada, self.charles = self.log.person(), self.log.person()
        channel = new_id()
        for number, person in enumerate((self.ada, self.charles)):
            hmac, email = f"{number:064}", f"{number}@example.org"
            self.log.add(UserRegistered(user_id=person, email_hmac=hmac, email=email, display_name="Somebody"))
        self.log.add(ChannelOpened(channel_id=channel, course_id=new_id(), owner_id=self.ada, name="General"))
        for person in (self.ada, self.charles):
            self.log.add(MessageSent(channel_id=channel, author_id=person, text="a secret"))

    @asynccontextmanager
    async def process(self, log: EventLog) -> AsyncIterator[None]:
        """A projector process on some log."""
        async with projecting(self.url, log, (Users(), Messages())):
            yield

    def following(self) -> PostgresLog:
        return PostgresLog(self.own, pace=Pace(0.1, 1.0), poll_seconds=0.05)

    async def until(self, wanted: Any, question: str, *arguments: object) -> None:
        await until_answer(self.admin, question, wanted, *arguments)

    async def until_applied(self) -> None:
        """Both consume the topic of users, one of them that of messages."""
        users = sum(event.topic == "mimo.users" for event in self.log.events)
        await self.until(len(self.log.events) + users, APPLIED)

    async def erase(self, person: UUID) -> None:
        """The key goes in the same transaction as the event comes."""
        await self.admin.execute("delete from log.private where name = 'data_key/' || $1", str(person))
        del self.log.keys[person]
        self.log.add(UserErased(user_id=person, email_hmac="", destroyed=("data_key",)))
        self.log.events[-1] = msgspec.structs.replace(self.log.events[-1], at=datetime.now(UTC))
        await self.log.store(self.url)


@pytest_asyncio.fixture(loop_scope="session")
async def views(database_url: str) -> AsyncIterator[Views]:
    admin = await asyncpg.connect(database_url)
    try:
        found = Views(database_url, admin)
        await found.log.store(database_url)
        async with found.process(found.following()):
            await found.until_applied()
        yield found
    finally:
        await admin.close()


async def test_a_running_process_does_not_wait_for_the_event(views: Views) -> None:
    async with views.process(StandingStill()):
        await views.erase(views.ada)
        await views.until(NOBODY, PERSON, views.ada)
        await views.until(0, SHOWN, views.ada)
        await views.until(0, TEXTS, views.ada)
    assert await views.admin.fetchval(TEXTS, views.charles) == 1
    assert await views.admin.fetchval(PERSON, views.charles) != NOBODY


async def test_a_process_that_comes_later_looks_for_what_it_missed(views: Views) -> None:
    await views.erase(views.ada)
    await views.admin.execute("update log.event set at = at - interval '1 day'")
    async with views.process(StandingStill()):
        await views.until(NOBODY, PERSON, views.ada)
        await views.until(0, TEXTS, views.ada)


async def test_the_event_that_comes_later_finds_it_done(views: Views) -> None:
    async with views.process(StandingStill()):
        await views.erase(views.ada)
        await views.until(0, TEXTS, views.ada)
        await views.until(NOBODY, PERSON, views.ada)
    async with views.process(views.following()):
        await views.until_applied()
    version = "select version from users_v1_g1.person where user_id = $1"
    assert await views.admin.fetchval(version, views.ada) == 2
    assert await views.admin.fetchval(TEXTS, views.charles) == 1
    assert await views.admin.fetchval("select count(*) from messages_v1_g1.erased_author") == 1


async def test_readers_are_told_to_forget_what_they_have_read(views: Views) -> None:
    told: list[str] = []
    heard = asyncio.Event()

    def hear(*said: Any) -> None:
        told.append(said[3])
        if {"users!", "messages!"} <= set(told):
            heard.set()

    await views.admin.add_listener("mimo_view", hear)
    async with views.process(StandingStill()):
        await views.erase(views.ada)
        async with asyncio.timeout(PATIENCE_SECONDS):
            await heard.wait()
