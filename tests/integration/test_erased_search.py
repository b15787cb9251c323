"""Nothing of the erased is found or stays among what is found, whoever is first: who writes, who erases, who wipes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from uuid import UUID

import asyncpg
import pytest_asyncio

from events.event import Event
from events.messages import MessageEdited, MessageSent
from events.users import UserErased
from infra.ids import new_id
from infra.postgres import Role, connect
from projectors.checkpoints import Generation
from projectors.generations import followed
from projectors.opening import Opener
from projectors.session import ViewSession
from projectors.views.search import Search
from projectors.wiping import Wiping
from tests.beside import beside
from tests.until import until_answer
from tests.written_log import WrittenLog

FOUND = "select count(*) from read.search_v1 where words @@ search.asked($1)"
KEPT = "select count(*) from search_v1_g1.entry where author_id = $1"
UNWIPED = "select count(*) from search_v1_g1.unwiped_writer"
WAITS_FOR_WRITERS = """
    select exists (select from pg_stat_activity where application_name = 'wiping-search'
                   and query like '%virtualtransaction%' and query like '%any (%')"""
SLICE_ROWS = 3


class Talk:
    """The view, a log, and processes that hold everybody's key for ever."""

    def __init__(self, url: str, generation: Generation, admin: asyncpg.Connection, processes: AsyncExitStack) -> None:
        self.url, self.generation, self.admin, self._processes = url, generation, admin, processes
        self.log, self.channel = WrittenLog(), new_id()
        self.ada, self.bob = self.log.person(), self.log.person()

    def said(self, author: UUID, text: str = "hello") -> MessageSent:
        return MessageSent(channel_id=self.channel, author_id=author, text=text)

    def edited(self, message_id: UUID, author: UUID, text: str) -> MessageEdited:
        return MessageEdited(channel_id=self.channel, message_id=message_id, author_id=author, text=text)

    @staticmethod
    def erased(person: UUID) -> UserErased:
        return UserErased(user_id=person, email_hmac=person.hex, destroyed=())

    async def process(self) -> asyncpg.Connection:
        """A connection of a projector process of its own."""
        session = ViewSession(partial(connect, self.url, application="test", role=Role.PROJECTOR), self.generation)
        self._processes.callback(session.close)
        return await session.connection()

    async def apply(self, process: asyncpg.Connection, *events: Event) -> list[UUID]:
        """Applies events in a transaction, if the process has not begun one; their ids."""
        recorded = self.log.add_all(events)
        async with process.transaction():
            await Search().apply(process, await Opener(Search(), self.log.ring).open(recorded))
        return [event.id for event in recorded]

    async def found(self, typed: str = "hello") -> int:
        return int(await self.admin.fetchval(FOUND, typed))

    async def kept(self, author: UUID) -> int:
        return int(await self.admin.fetchval(KEPT, author))

    @asynccontextmanager
    async def wiping(self) -> AsyncIterator[None]:
        """What wipes, in a process of its own."""
        own = partial(connect, self.url, application="wiping-search", role=Role.PROJECTOR)
        wiping = Wiping(own, slice_rows=SLICE_ROWS)
        wiping.keep(self.generation)
        async with beside(wiping.run()):
            yield

    async def until_wiped(self) -> None:
        await until_answer(self.admin, UNWIPED, 0)


@pytest_asyncio.fixture(loop_scope="session")
async def talk(database_url: str) -> AsyncIterator[Talk]:
    async with AsyncExitStack() as processes:
        admin = await asyncpg.connect(database_url)
        processes.push_async_callback(admin.close)
        own = await connect(database_url, application="test", role=Role.PROJECTOR)
        (generation,) = await followed(own, Search())
        await own.close()
        yield Talk(database_url, generation, admin, processes)


async def test_nothing_is_found_from_the_commit_on_and_rows_go_afterwards(talk: Talk) -> None:
    process, everything = await talk.process(), 3 * SLICE_ROWS + 1
    await talk.apply(process, *[talk.said(person) for person in (talk.ada, talk.bob) for _ in range(everything)])
    await talk.apply(process, talk.erased(talk.ada))
    assert (await talk.found(), await talk.kept(talk.ada)) == (everything, everything)
    async with talk.wiping():
        await talk.until_wiped()
    assert (await talk.found(), await talk.kept(talk.ada), await talk.kept(talk.bob)) == (everything, 0, everything)


async def test_wiping_waits_for_who_wrote_before_and_then_wipes_that_too(talk: Talk) -> None:
    writer, eraser = await talk.process(), await talk.process()
    writing = writer.transaction()
    await writing.start()
    await talk.apply(writer, talk.said(talk.ada), talk.said(talk.bob))
    await talk.apply(eraser, talk.erased(talk.ada))
    async with talk.wiping():
        await until_answer(talk.admin, WAITS_FOR_WRITERS, True)
        await writing.commit()
        assert await talk.found() == 1, "hidden as long as it may be in the table"
        await talk.until_wiped()
    assert (await talk.found(), await talk.kept(talk.ada), await talk.kept(talk.bob)) == (1, 0, 1)


async def test_who_writes_later_sees_who_was_erased(talk: Talk) -> None:
    writer, eraser = await talk.process(), await talk.process()
    erasing = eraser.transaction()
    await erasing.start()
    await talk.apply(eraser, talk.erased(talk.ada))
    (first,) = await talk.apply(writer, talk.said(talk.ada))
    assert await talk.found() == 1, "nobody waited"
    await erasing.commit()
    assert await talk.found() == 0
    await talk.apply(writer, talk.said(talk.ada), talk.said(talk.bob))
    await talk.apply(writer, talk.edited(first, talk.ada, "hello again"))
    assert (await talk.found(), await talk.kept(talk.ada)) == (1, 0)
    async with talk.wiping():
        await talk.until_wiped()
    await talk.apply(writer, talk.said(talk.ada), talk.edited(first, talk.ada, "hello once more"))
    assert (await talk.found(), await talk.kept(talk.ada)) == (1, 0), "also when there was nothing left to wipe"


async def test_two_may_erase_the_same_people_at_the_same_time(talk: Talk) -> None:
    one, two = await talk.process(), await talk.process()
    await talk.apply(one, talk.said(talk.ada), talk.said(talk.bob))
    erasing = one.transaction()
    await erasing.start()
    await talk.apply(one, talk.erased(talk.ada), talk.erased(talk.bob))
    other = asyncio.create_task(talk.apply(two, talk.erased(talk.bob), talk.erased(talk.ada)))
    await until_answer(talk.admin, "select count(*) from pg_locks where not granted", 1)
    await erasing.commit()
    await other
    assert await talk.found() == 0
