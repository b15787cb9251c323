"""The relay on a real broker: everything, in order, once; whatever was there before, and whoever comes and goes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest
import pytest_asyncio
from aiokafka import TopicPartition
from aiokafka.admin import RecordsToDelete

from events.catalog import TOPICS
from events.messages import TOPIC as MESSAGES
from events.recorded import Recorded
from infra.kafka.topics import administration, delete_topics
from infra.relay.holdings import read_holdings
from infra.relay.progress import Progress, State
from infra.relay.publisher import KafkaPublisher, Packed
from infra.relay.source import FIRST_EVENTS, MOST_EVENTS, Source
from tests.integration.one_relay import OneRelay, one_relay, until
from tests.odd_records import ODD, odd_producer
from tests.topics import flaws_of_topics

NOTED = "select position from log.relay"


@pytest_asyncio.fixture(loop_scope="session")
async def one(database_url: str, kafka_server: str) -> AsyncIterator[OneRelay]:
    async with one_relay(database_url, kafka_server) as one:
        yield one


async def test_everything_gets_to_kafka_in_order_just_as_it_is(one: OneRelay) -> None:
    await one.write(300)
    async with one.running():
        await one.until_copied()
        await one.write(20)
        await one.until_copied()
        assert one.progress.unready() is None


async def test_what_kafka_holds_decides_where_it_goes_on(one: OneRelay) -> None:
    await one.write(50)
    async with one.running():
        await one.until_copied()
    await one.admin.execute("update log.relay set position = 3")
    await one.admin.execute('update log.published set "offset" = 1')
    await one.write(50)
    async with one.running():
        await one.until_copied()


async def test_an_empty_log_is_fine(one: OneRelay) -> None:
    async with one.running():
        await until(lambda: one.progress.state is State.ACTIVE, "the relay is active")
        assert one.progress.unready() is None
        await one.write(1)
        await one.until_copied()


async def test_it_notes_how_far_it_is(one: OneRelay) -> None:
    await one.write(30)
    async with one.running():
        await one.until(NOTED, len(one.log.events))
        assert await one.admin.fetchval('select sum("offset") from log.published') == len(one.log.events)
        await one.write(5)
        await one.until(NOTED, len(one.log.events))
    assert await one.admin.fetchval("select noted_at > now() - interval '1 minute' and stopped is null from log.relay")


async def test_a_note_is_left_when_it_stops(one: OneRelay) -> None:
    await one.write(30)
    async with one.running():
        await one.until_copied()
    assert await one.admin.fetchval(NOTED) == len(one.log.events)


async def test_of_two_one_is_active_and_the_other_takes_over(one: OneRelay) -> None:
    await one.write(30)
    other = Progress()
    async with one.running(other):
        async with one.running():
            await one.until_copied()
            await until(lambda: {one.progress.state, other.state} == {State.ACTIVE, State.STANDBY}, "one stands by")
            assert one.progress.unready() is None
            assert other.unready() is None
            await one.write(10)
            await one.until_copied()
        await one.write(10)
        await one.until_copied()
        await until(lambda: other.state is State.ACTIVE, "the other is active")


async def test_a_relay_that_loses_its_session_stands_for_election_again(one: OneRelay) -> None:
    await one.write(30)
    async with one.running():
        await one.until_copied()
        for _ in range(3):
            await one.end_sessions()
            await one.write(10)
            await one.until_copied()


async def test_deleted_topics_are_made_anew_and_refilled_while_it_runs(one: OneRelay) -> None:
    await one.write(100)
    async with one.running():
        await one.until_copied()
        await delete_topics(one.cluster, TOPICS)
        await one.until_copied()  # nothing is written: it notices by itself
        await delete_topics(one.cluster, [MESSAGES])
        await one.write(10)
        await one.until_copied()
        await one.until(NOTED, len(one.log.events))


async def test_a_partition_whose_records_expired_goes_on_from_the_note(one: OneRelay) -> None:
    await one.write(100)
    async with one.running():
        await one.until_copied()
    expired = await _expire(one)
    await one.write(30)
    async with one.running():
        await one.until(NOTED, len(one.log.events))
        assert not await flaws_of_topics(one.url, one.cluster, expired=expired)


async def test_strangers_records_that_aiokafka_stumbles_over_do_not_keep_it_from_going_on(one: OneRelay) -> None:
    await one.write(100)
    async with one.running():
        await one.until_copied()
    last = _last_offsets(one)
    async with odd_producer(one.cluster) as odd:
        for place in last:
            await odd.write(place, [ODD])
    await one.write(30)
    async with one.running():
        await one.until(NOTED, len(one.log.events))
    held = {(one.cluster.topic(topic), number): offset for (topic, number), offset in _last_offsets(one).items()}
    holdings = await read_holdings(one.cluster, TOPICS)
    assert {(found.topic, found.partition): found.last for found in holdings if found.events} == held


def _last_offsets(one: OneRelay) -> dict[tuple[str, int], int]:
    return {(event.topic, event.partition): event.offset for event in one.log.events}


async def _expire(one: OneRelay) -> dict[tuple[str, int], int]:
    """Deletes all records of the messages from Kafka; returns the last offset of each partition."""
    last = {(event.topic, event.partition): event.offset for event in one.log.events if event.topic == MESSAGES}
    async with administration(one.cluster) as admin:
        everything = {
            TopicPartition(one.cluster.topic(topic), number): RecordsToDelete(before_offset=-1)
            for topic, number in last
        }
        await admin.delete_records(everything)
    return last


async def test_a_database_that_goes_away_is_waited_for(one: OneRelay) -> None:
    await one.write(30)
    async with one.running():
        await one.until_copied()
        one.away = True
        await one.end_sessions()
        await until(lambda: "cannot be reached" in (one.progress.unready() or ""), "it says that the database is away")
        one.away = False
        await one.write(10)
        await one.until_copied()
        await until(lambda: one.progress.unready() is None, "it is ready again")


class Stuck(KafkaPublisher):
    """A publisher in whose hands the first transaction stays."""

    packed = 0
    free = asyncio.Event()

    def pack(self, events: Sequence[Recorded], log_id: bytes) -> Packed:
        type(self).packed += len(events)
        return super().pack(events, log_id)

    async def publish(self, packed: Packed) -> None:
        await self.free.wait()
        await super().publish(packed)


async def test_it_reads_no_further_ahead_than_two_batches(one: OneRelay, monkeypatch: pytest.MonkeyPatch) -> None:
    reads = 0

    async def read(log: Source) -> tuple[int, list[Recorded]]:
        nonlocal reads
        reads += 1
        return await really(log)

    really = Source.read
    monkeypatch.setattr(Source, "read", read)

    class ThisOne(Stuck):
        free = asyncio.Event()

    await one.write(4 * MOST_EVENTS)
    async with one.running(new_publisher=ThisOne) as running:
        await until(lambda: ThisOne.packed == FIRST_EVENTS + MOST_EVENTS, "the second batch is packed")
        await asyncio.wait((running,), timeout=0.3)
        assert (ThisOne.packed, reads) == (FIRST_EVENTS + MOST_EVENTS, 3)
        ThisOne.free.set()
        await one.until_copied()
