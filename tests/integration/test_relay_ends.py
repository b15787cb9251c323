"""Where partitions end, read from a real broker: behind markers, aborted records, strangers' records, deleted ones."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest
import pytest_asyncio
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin import RecordsToDelete

from events.bookmark import Place
from events.catalog import TOPICS
from events.contract.examples import HISTORY
from events.courses import CourseCreated
from events.messages import TOPIC as MESSAGES
from events.messages import MessageSent
from events.recorded import Recorded
from infra.ids import new_id
from infra.kafka.topics import administration
from infra.relay.ends import End, Last, read_ends
from infra.relay.hanging import open_places
from infra.relay.holdings import read_holdings
from tests.odd_records import ODD, odd_producer, parts_of
from tests.written_log import WrittenLog
from tests.written_topics import WrittenTopics, written_topics

PARTITIONS = 2
PATIENCE_SECONDS = 30


@pytest_asyncio.fixture(loop_scope="session")
async def topics(kafka_server: str) -> AsyncIterator[WrittenTopics]:
    async with written_topics(kafka_server, PARTITIONS) as topics:
        yield topics


def messages(number: int, log: WrittenLog | None = None) -> list[Recorded]:
    """So many messages of one channel."""
    log = log or WrittenLog(PARTITIONS)
    channel, author = new_id(), log.person()
    return log.add_all(MessageSent(channel_id=channel, author_id=author, text=str(n)) for n in range(number))


async def settled(topics: WrittenTopics, places: Sequence[Place]) -> dict[Place, End]:
    """Where partitions end once every transaction has ended in them, which is a little after its commit."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while open_places(ends := await read_ends(topics.cluster, places)):
            pass
    return ends


async def last_of(topics: WrittenTopics, event: Recorded) -> Last | None:
    place = (event.topic, event.partition)
    return (await settled(topics, [place]))[place].last


async def test_partitions_that_never_held_anything_end_where_they_begin(topics: WrittenTopics) -> None:
    places = [(topic, number) for topic in TOPICS for number in range(PARTITIONS)]
    ends = await read_ends(topics.cluster, places)
    assert list(ends) == places
    assert {(end.beginning, end.end, end.written, end.last) for end in ends.values()} == {(0, 0, 0, None)}


async def test_the_last_event_of_each_partition_is_found(topics: WrittenTopics) -> None:
    log = WrittenLog(PARTITIONS)
    for _ in range(20):
        log.add(CourseCreated(course_id=new_id(), owner_id=new_id(), title="Algebra", description=""))
    messages(30, log)
    await topics.write(log.events)
    wanted = {(event.topic, event.partition): (event.offset, event.id) for event in log.events}
    ends = await settled(topics, [(topic, n) for topic in TOPICS for n in range(PARTITIONS)])
    found = {place: (end.last.offset, end.last.event_id) for place, end in ends.items() if end.last is not None}
    assert found == wanted
    assert all(end.end == end.written for end in ends.values())


async def test_many_small_transactions_are_looked_behind(topics: WrittenTopics) -> None:
    events = messages(12)
    for event in events:
        await topics.write([event])
    assert await last_of(topics, events[-1]) == Last(12, events[-1].id, str(HISTORY).encode(), 22)


@pytest.mark.parametrize("aborted", [1, 40, 700])
async def test_an_aborted_tail_of_any_length_is_looked_past(topics: WrittenTopics, aborted: int) -> None:
    events = messages(3 + aborted)
    await topics.write(events[:3])
    for start in range(3, 3 + aborted, 100):
        await topics.write(events[start : start + 100], abort=True)
    last = await last_of(topics, events[0])
    assert last is not None
    assert last.event_id == events[2].id


async def test_a_partition_with_nothing_but_aborted_events_holds_none(topics: WrittenTopics) -> None:
    events = messages(5)
    for event in events:
        await topics.write([event], abort=True)
    assert await last_of(topics, events[0]) is None


async def test_a_strangers_record_is_looked_past(topics: WrittenTopics) -> None:
    events = messages(2)
    await topics.write(events)
    async with stranger(topics) as producer:
        for _ in range(20):
            await producer.send_and_wait(topics.cluster.topic(MESSAGES), b"?", partition=events[0].partition)
    last = await last_of(topics, events[0])
    assert last is not None
    assert last.event_id == events[1].id


async def test_a_strangers_header_with_a_name_that_is_no_text_is_looked_past(topics: WrittenTopics) -> None:
    events = messages(5)
    place = (MESSAGES, events[0].partition)
    async with odd_producer(topics.cluster) as odd:
        await odd.write(place, [ODD, *map(parts_of, events[:4]), ODD, parts_of(events[4]), ODD])
        await odd.write(place, [ODD])
    last = await last_of(topics, events[0])
    assert last is not None
    assert last.event_id == events[4].id
    holding = next(held for held in await read_holdings(topics.cluster, [MESSAGES]) if held.partition == place[1])
    assert (holding.first, holding.last) == (1, 5)


async def test_an_open_transaction_is_told(topics: WrittenTopics) -> None:
    events = messages(2)
    await topics.write(events)
    place = (MESSAGES, events[0].partition)
    await settled(topics, [place])
    async with stranger(topics, transactional_id=f"{topics.cluster.prefix}stranger") as producer:
        await producer.begin_transaction()
        await producer.send_and_wait(topics.cluster.topic(MESSAGES), b"?", partition=place[1])
        open_end = (await read_ends(topics.cluster, [place]))[place]
        await producer.abort_transaction()
    assert (open_end.end, open_end.written) == (3, 4)
    assert open_end.last is not None


async def test_deleted_records_leave_a_beginning_above_zero(topics: WrittenTopics) -> None:
    events = messages(4)
    await topics.write(events)
    place = (MESSAGES, events[0].partition)
    tp = TopicPartition(topics.cluster.topic(MESSAGES), place[1])
    await settled(topics, [place])
    async with administration(topics.cluster) as admin:
        await admin.delete_records({tp: RecordsToDelete(before_offset=-1)})
    end = (await read_ends(topics.cluster, [place]))[place]
    assert (end.beginning, end.end, end.last) == (5, 5, None)


@asynccontextmanager
async def stranger(topics: WrittenTopics, **options: str) -> AsyncIterator[AIOKafkaProducer]:
    producer = AIOKafkaProducer(**topics.cluster.client_options("stranger"), **options)
    await producer.start()
    try:
        yield producer
    finally:
        await producer.stop()
