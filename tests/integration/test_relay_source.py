"""How the relay reads the log: just what is missing, proven to be the same log, never too much at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from functools import partial

import asyncpg
import pytest
import pytest_asyncio

from events.bookmark import Place
from events.messages import TOPIC, MessageSent
from events.partition import DEFAULT_PARTITIONS
from infra.ids import new_id
from infra.relay.source import FIRST_EVENTS, READ_BYTES, source
from infra.relay.trouble import Refusal, Unsettled
from tests.written_log import WrittenLog

LARGEST_TEXT = "\N{GRINNING FACE}" * 4_000
LARGE_EVENTS = 600
PARTITIONS = range(DEFAULT_PARTITIONS)


@pytest_asyncio.fixture(loop_scope="session")
async def admin(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


async def filled(url: str, messages: int) -> WrittenLog:
    """A log with messages in several channels."""
    log = WrittenLog()
    author, channels = log.person(), [new_id() for _ in range(7)]
    log.add_all(MessageSent(channel_id=channels[n % 7], author_id=author, text=str(n)) for n in range(messages))
    await log.store(url)
    return log


def published(log: WrittenLog, upto: int) -> dict[Place, int]:
    """What the partitions hold when everything up to a position is published."""
    last = {(TOPIC, number): 0 for number in PARTITIONS}
    return last | {(event.topic, event.partition): event.offset for event in log.events[:upto]}


async def test_it_begins_with_the_first_event_that_is_missing_anywhere(database_url: str) -> None:
    log = await filled(database_url, 60)
    there = published(log, 60)
    place = (log.events[29].topic, log.events[29].partition)
    there[place] = log.events[29].offset - 1  # lost its end, from position 30 on
    async with source(partial(asyncpg.connect, database_url)) as reader:
        assert await reader.start(there) == 29
        position, events = await reader.read()
    missing = [event for event in log.events[29:] if (event.topic, event.partition) == place]
    assert (position, [event.id for event in events]) == (60, [event.id for event in missing])


async def test_with_nothing_missing_it_waits_at_the_end_for_news(database_url: str) -> None:
    log = await filled(database_url, 20)
    async with source(partial(asyncpg.connect, database_url), poll_seconds=60) as reader:
        assert await reader.start(published(log, 20)) == 20
        assert await reader.read() == (20, [])
        assert reader.at_end
        waiting = asyncio.create_task(reader.wait())
        await filled_more(log, database_url)
        async with asyncio.timeout(10):
            await waiting
        position, events = await reader.read()
        assert (position, len(events)) == (21, 1)


async def filled_more(log: WrittenLog, url: str) -> None:
    log.add(MessageSent(channel_id=new_id(), author_id=log.person(), text="one more"))
    await log.store(url)


@pytest.mark.parametrize(
    "change",
    [
        "update log.event set id = gen_random_uuid() where position = 20",
        "delete from log.event where position >= 15",
    ],
)
async def test_it_notices_when_the_log_under_it_is_another(
    database_url: str, admin: asyncpg.Connection, change: str
) -> None:
    log = await filled(database_url, 20)
    async with source(partial(asyncpg.connect, database_url)) as reader:
        await reader.start(published(log, 0))
        await reader.read()
        await admin.execute(change)
        with pytest.raises(Unsettled, match="another event at position 20"):
            await reader.read()


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ("delete from log.event where position = 10", "gap"),
        ('update log.event set "offset" = "offset" + 100 where position > 10', "gap"),
        ("update log.event set topic = 'mimo.newer' where position = 10", "upgrade"),
    ],
)
async def test_it_refuses_a_log_that_contradicts_itself(
    database_url: str, admin: asyncpg.Connection, change: str, why: str
) -> None:
    log = await filled(database_url, 20)
    await admin.execute(change)
    async with source(partial(asyncpg.connect, database_url)) as reader:
        await reader.start(published(log, 0))
        with pytest.raises(Refusal, match=why):
            await reader.read()


async def test_a_backlog_of_large_events_is_read_in_pieces_from_the_first_on(database_url: str) -> None:
    log = WrittenLog()
    author, channel = log.person(), new_id()
    log.add_all(MessageSent(channel_id=channel, author_id=author, text=LARGEST_TEXT) for _ in range(LARGE_EVENTS))
    await log.store(database_url)
    pieces = []
    async with source(partial(asyncpg.connect, database_url)) as reader:
        await reader.start({(TOPIC, number): 0 for number in PARTITIONS})
        while not reader.at_end:
            _, events = await reader.read()
            pieces.append(events)
    assert [event.position for events in pieces for event in events] == list(range(1, LARGE_EVENTS + 1))
    assert len(pieces[0]) == FIRST_EVENTS
    assert max(sum(len(event.data) for event in events) for events in pieces) <= READ_BYTES
