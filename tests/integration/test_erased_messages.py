"""Nobody's text is shown or stays in the table of messages, whoever is first: who writes, who erases, who wipes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
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
from projectors.wiping import Wiping
from tests.beside import beside
from tests.until import until_answer
from tests.written_log import WrittenLog

TABLE = "select text from messages_v1_g1.message where author_id = $1 order by message_id"
VIEW = "select text from read.messages_v1 where author_id = $1 order by message_id"
LEFT = "select count(text) from messages_v1_g1.message where author_id = $1"
UNWIPED = "select count(*) from messages_v1_g1.unwiped_author"
WAITS_FOR_WRITERS = """
    select exists (select from pg_stat_activity where application_name = 'wiping' and query like '%virtualtransaction%'
                   and query like '%any (%')"""
SLICE_ROWS = 3


class Talk:
    """The view of messages, a log, and processes that hold everybody's key for ever."""

    def __init__(self, url: str, generation: Generation, admin: asyncpg.Connection) -> None:
        self.url, self.generation, self.admin = url, generation, admin
        self.log, self.channel, self.people = WrittenLog(), new_id(), []
        self.people = [self.log.person() for _ in range(2)]
        self.opened = self.log.add(
            ChannelOpened(channel_id=self.channel, course_id=new_id(), owner_id=self.people[0], name="General")
        )

    def said(self, author: UUID, channel: UUID | None = None) -> MessageSent:
        return MessageSent(channel_id=channel or self.channel, author_id=author, text="hello")

    @staticmethod
    def erased(person: UUID) -> UserErased:
        return UserErased(user_id=person, email_hmac=person.hex, destroyed=())

    @asynccontextmanager
    async def process(self) -> AsyncIterator[Process]:
        """A projector process of its own."""
        own = partial(connect, self.url, application="test", role=Role.PROJECTOR)
        session = ViewSession(own, self.generation)
        try:
            yield Process(self, await session.connection())
        finally:
            session.close()

    async def shown(self, author: UUID) -> list[str | None]:
        return [row["text"] for row in await self.admin.fetch(VIEW, author)]

    async def kept(self, author: UUID) -> list[str | None]:
        return [row["text"] for row in await self.admin.fetch(TABLE, author)]

    @asynccontextmanager
    async def wiping(self, kind: Callable[..., Wiping] = Wiping) -> AsyncIterator[asyncio.Task[None]]:
        """What wipes, in a process of its own."""
        own = partial(connect, self.url, application="wiping", role=Role.PROJECTOR)
        wiping = kind(own, slice_rows=SLICE_ROWS)
        wiping.keep(self.generation)
        async with beside(wiping.run()) as task:
            yield task

    async def until_wiped(self) -> None:
        await until_answer(self.admin, UNWIPED, 0)


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


async def test_texts_are_hidden_with_the_commit_and_wiped_afterwards(talk: Talk) -> None:
    ada, bob = talk.people
    async with talk.process() as process:
        await process.applies(*[talk.said(person) for person in (ada, bob) for _ in range(3 * SLICE_ROWS + 1)])
        await process.applies(talk.erased(ada))
    everything = 3 * SLICE_ROWS + 1
    assert await talk.shown(ada) == [None] * everything
    assert await talk.kept(ada) == ["hello"] * everything
    async with talk.wiping():
        await talk.until_wiped()
    assert await talk.kept(ada) == await talk.shown(ada) == [None] * everything
    assert await talk.kept(bob) == await talk.shown(bob) == ["hello"] * everything


async def test_wiping_waits_for_who_wrote_before_and_then_wipes_that_too(talk: Talk) -> None:
    ada, bob = talk.people
    async with talk.process() as writer, talk.process() as eraser:
        await writer.begins([talk.said(ada), talk.said(bob)])
        await eraser.applies(talk.erased(ada))
        async with talk.wiping():
            await until_answer(talk.admin, WAITS_FOR_WRITERS, True)
            elsewhere = ChannelOpened(channel_id=new_id(), course_id=new_id(), owner_id=bob, name="Elsewhere")
            await eraser.applies(elsewhere, talk.said(bob, elsewhere.channel_id))
            assert await talk.admin.fetchval(UNWIPED) == 1, "it waits, and nobody waits for it"
            await writer.transaction.commit()
            assert await talk.shown(ada) == [None]
            await talk.until_wiped()
    assert (await talk.kept(ada), await talk.kept(bob)) == ([None], ["hello", "hello"])


async def test_who_writes_later_sees_who_was_erased(talk: Talk) -> None:
    ada, bob = talk.people
    async with talk.process() as writer, talk.process() as eraser:
        await eraser.begins([talk.erased(ada)])
        await writer.applies(talk.said(ada))
        assert await talk.shown(ada) == ["hello"], "nobody waited"
        await eraser.transaction.commit()
        await writer.applies(talk.said(ada), talk.said(bob))
        first = next(event.id for event in talk.log.events if event.type == "MessageSent")
        edit = MessageEdited(channel_id=talk.channel, message_id=first, author_id=ada, text="again")
        await writer.applies(edit)
    assert (await talk.kept(ada), await talk.kept(bob)) == ([None, None], ["hello"])
    assert await talk.shown(ada) == [None, None]


async def test_two_may_erase_the_same_people_at_the_same_time(talk: Talk) -> None:
    ada, bob = talk.people
    async with talk.process() as writer, talk.process() as one, talk.process() as two:
        await writer.applies(talk.said(ada), talk.said(bob))
        await one.begins([talk.erased(ada), talk.erased(bob)])
        other = asyncio.create_task(two.applies(talk.erased(bob), talk.erased(ada)))
        await until_answer(talk.admin, "select count(*) from pg_locks where not granted", 1)
        await one.transaction.commit()
        await other
    assert (await talk.shown(ada), await talk.shown(bob)) == ([None], [None])


class Stumbling(Wiping):
    """Wipes two slices, and then its process is killed."""

    slices = 2

    async def _slice(self, connection: asyncpg.Connection, people: Sequence[UUID]) -> int:
        if not self.slices:
            await asyncio.Event().wait()
        self.slices -= 1
        return await super()._slice(connection, people)


async def test_wiping_goes_on_where_it_was_killed(talk: Talk) -> None:
    ada, _ = talk.people
    async with talk.process() as process:
        await process.applies(*[talk.said(ada) for _ in range(5 * SLICE_ROWS)])
        await process.applies(talk.erased(ada))
        async with talk.wiping(Stumbling):
            await until_answer(talk.admin, LEFT, 3 * SLICE_ROWS, ada)
            await process.applies(talk.said(talk.people[1]))
        assert await talk.admin.fetchval(UNWIPED) == 1
        assert await talk.shown(ada) == [None] * 5 * SLICE_ROWS
    async with talk.wiping():
        await talk.until_wiped()
    assert await talk.admin.fetchval(LEFT, ada) == 0


async def test_what_another_is_at_is_passed_over_and_looked_at_again(talk: Talk) -> None:
    ada, _ = talk.people
    async with talk.process() as process:
        await process.applies(*[talk.said(ada) for _ in range(2 * SLICE_ROWS)])
        await process.applies(talk.erased(ada))
    other = talk.admin.transaction()
    await other.start()
    held = "select count(*) from (select from messages_v1_g1.message where seq = 2 for update) locked"
    assert await talk.admin.fetchval(held) == 1
    async with talk.wiping():
        await until_answer(talk.admin, LEFT, 1, ada)
        assert await talk.admin.fetchval(UNWIPED) == 1
        await other.rollback()
        await talk.until_wiped()
    assert await talk.admin.fetchval(LEFT, ada) == 0
