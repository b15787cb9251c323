"""Nobody's text stays in the view of messages, whichever of two processes is first to write or to erase."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from uuid import UUID

import asyncpg
import pytest_asyncio

from events.event import Event
from events.messages import ChannelOpened, MessageEdited, MessageSent
from events.users import UserErased
from infra.ids import new_id
from infra.postgres import Role, connect
from projectors.checkpoints import Generation
from projectors.generations import followed
from projectors.opening import Opener
from projectors.session import ViewSession
from projectors.views.messages import Messages
from tests.written_log import WrittenLog

PATIENCE_SECONDS = 20
TEXTS = "select text from messages_v1_g1.message where author_id = $1 order by message_id"
WAITING = "select count(*) from pg_locks where not granted and relation = 'messages_v1_g1.message'::regclass"


class Talk:
    """The view of messages, a log, and processes that hold everybody's key for ever."""

    def __init__(self, url: str, generation: Generation, admin: asyncpg.Connection) -> None:
        self.url, self.generation, self.admin = url, generation, admin
        self.log, self.channel, self.people = WrittenLog(), new_id(), []
        self.people = [self.log.person() for _ in range(2)]
        self.opened = self.log.add(
            ChannelOpened(channel_id=self.channel, course_id=new_id(), owner_id=self.people[0], name="General")
        )

    def said(self, author: UUID, text: str = "hello") -> MessageSent:
        return MessageSent(channel_id=self.channel, author_id=author, text=text)

    @staticmethod
    def erased(person: UUID) -> UserErased:
        return UserErased(user_id=person, email_hmac=person.hex, destroyed=())

    @asynccontextmanager
    async def process(self, timeout_seconds: float = 5.0) -> AsyncIterator[Process]:
        """A projector process of its own."""
        own = partial(
            connect, self.url, application="test", role=Role.PROJECTOR, transaction_timeout_seconds=timeout_seconds
        )
        session = ViewSession(own, self.generation)
        try:
            yield Process(self, await session.connection())
        finally:
            session.close()

    async def texts(self, author: UUID) -> list[str | None]:
        return [row["text"] for row in await self.admin.fetch(TEXTS, author)]

    async def until_somebody_waits(self) -> None:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not await self.admin.fetchval(WAITING):  # noqa: ASYNC110 - it happens in PostgreSQL
                await asyncio.sleep(0.01)


class Process:
    """Applies events in transactions that the test commits when it likes."""

    def __init__(self, talk: Talk, connection: asyncpg.Connection) -> None:
        self.talk, self.connection = talk, connection
        self.transaction = connection.transaction()

    async def begins(self, events: Sequence[Event]) -> None:
        """Everything but the commit."""
        await self.transaction.start()
        recorded = self.talk.log.add_all(events)
        await Messages().apply(self.connection, await Opener(Messages(), self.talk.log.ring).open(recorded))

    async def applies(self, *events: Event) -> None:
        await self.begins(events)
        await self.transaction.commit()
        self.transaction = self.connection.transaction()


@pytest_asyncio.fixture(loop_scope="session")
async def talk(database_url: str) -> AsyncIterator[Talk]:
    admin = await asyncpg.connect(database_url)
    own = await connect(database_url, application="test", role=Role.PROJECTOR)
    (generation,) = await followed(own, Messages())
    await own.close()
    talk = Talk(database_url, generation, admin)
    async with talk.process() as process:
        opened = await Opener(Messages(), talk.log.ring).open([talk.opened])
        async with process.connection.transaction():
            await Messages().apply(process.connection, opened)
    yield talk
    await admin.close()


async def test_who_erases_waits_for_who_writes_and_then_sees_what_was_written(talk: Talk) -> None:
    ada, bob = talk.people
    async with talk.process() as writer, talk.process() as eraser:
        await writer.begins([talk.said(ada), talk.said(bob)])
        erasing = asyncio.create_task(eraser.applies(talk.erased(ada)))
        await talk.until_somebody_waits()
        await writer.transaction.commit()
        await erasing
    assert (await talk.texts(ada), await talk.texts(bob)) == ([None], ["hello"])


async def test_who_writes_waits_for_who_erases_and_then_sees_who_was_erased(talk: Talk) -> None:
    ada, bob = talk.people
    async with talk.process() as writer, talk.process() as eraser:
        await eraser.begins([talk.erased(ada)])
        writing = asyncio.create_task(writer.applies(talk.said(ada), talk.said(bob)))
        await talk.until_somebody_waits()
        await eraser.transaction.commit()
        await writing
    assert (await talk.texts(ada), await talk.texts(bob)) == ([None], ["hello"])


async def test_an_edit_that_was_opened_before_brings_no_text_back(talk: Talk) -> None:
    ada, _ = talk.people
    async with talk.process() as writer, talk.process() as eraser:
        await writer.applies(talk.said(ada))
        message_id = talk.log.events[-1].id
        await eraser.begins([talk.erased(ada)])
        edit = MessageEdited(channel_id=talk.channel, message_id=message_id, author_id=ada, text="again")
        writing = asyncio.create_task(writer.applies(edit))
        await talk.until_somebody_waits()
        await eraser.transaction.commit()
        await writing
    assert await talk.texts(ada) == [None]


async def test_two_that_erase_at_the_same_time_wait_for_each_other_in_turn(talk: Talk) -> None:
    ada, bob = talk.people
    async with talk.process() as writer, talk.process() as one, talk.process() as two:
        await writer.applies(talk.said(ada), talk.said(bob))
        await one.begins([talk.erased(ada), talk.said(bob)])
        other = asyncio.create_task(two.applies(talk.erased(bob)))
        await talk.until_somebody_waits()
        await one.transaction.commit()
        await other
    assert (await talk.texts(ada), await talk.texts(bob)) == ([None], [None, None])


async def test_erasing_has_more_time_than_other_batches(talk: Talk) -> None:
    ada, bob = talk.people
    async with talk.process(timeout_seconds=0.5) as process:
        await process.begins([talk.said(bob), talk.erased(ada)])
        await process.connection.execute("select pg_sleep(1)")
        await process.transaction.commit()
        assert await process.connection.fetchval("show transaction_timeout") == "500ms"
    assert await talk.texts(bob) == ["hello"]
