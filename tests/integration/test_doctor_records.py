"""`mimo doctor --deep` compares every record in the topics with the log."""

from __future__ import annotations

from collections.abc import AsyncIterator

import asyncpg
import msgspec
import pytest_asyncio

from events.messages import MessageSent
from events.recorded import Recorded
from infra.ids import new_id
from infra.kafka.cluster import Cluster
from mimo.doctor import records
from mimo.doctor.deep import record_findings
from mimo.doctor.finding import Finding, Verdict
from mimo.doctor.flaws import Kind
from mimo.doctor.topics import REACH
from tests.integration.one_relay import one_relay
from tests.odd_records import odd_producer
from tests.ports import free_port
from tests.written_log import WrittenLog
from tests.written_topics import WrittenTopics, written_topics

EVENTS = 12


class Published:
    """A channel's messages in a log, and topics to write them into."""

    def __init__(self, url: str, topics: WrittenTopics, connection: asyncpg.Connection) -> None:
        self.url, self.topics, self.connection = url, topics, connection
        self.log = WrittenLog()

    async def happen(self) -> list[Recorded]:
        author, channel = self.log.person(), new_id()
        for _ in range(EVENTS):
            self.log.add(MessageSent(channel_id=channel, author_id=author, text="hello"))
        await self.log.store(self.url)
        return self.log.events[-EVENTS:]

    async def write(self, *events: Recorded) -> None:
        await self.topics.write(events, await self.connection.fetchval("select log_id from log.installation"))

    async def findings(self, cluster: Cluster | None = None) -> list[Finding]:
        async with self.connection.transaction(isolation="repeatable_read"):
            return await record_findings(self.connection, cluster or self.topics.cluster, lambda *_: None)

    async def wrong(self, kind: Kind) -> str:
        """Where something is wrong in this one way, and in no other."""
        (finding,) = await self.findings()
        assert (finding.verdict, finding.remedy) == (Verdict.WRONG, kind.remedy)
        assert finding.sentence.startswith(f"{kind.what}: ")
        return finding.sentence.removeprefix(f"{kind.what}: ")


@pytest_asyncio.fixture(loop_scope="session")
async def published(database_url: str, kafka_server: str) -> AsyncIterator[Published]:
    connection = await asyncpg.connect(database_url)
    try:
        async with written_topics(kafka_server, 12) as topics:
            yield Published(database_url, topics, connection)
    finally:
        await connection.close()


async def test_what_a_relay_published_is_the_log(database_url: str, kafka_server: str) -> None:
    told: list[tuple[str, int, int]] = []
    async with one_relay(database_url, kafka_server) as one:
        await one.write(100)
        async with one.running():
            await one.until_copied()
        await one.write(5)  # which Kafka does not have yet
        async with one.admin.transaction(isolation="repeatable_read"):
            (finding,) = await record_findings(one.admin, one.cluster, lambda *how: told.append(how))
    copied = 100 + 2 * 10
    assert finding == Finding("topics", Verdict.FINE, f"All {copied} records are the log's events, in order.")
    assert told[-1] == ("records", copied, copied + 5 + 2)


async def test_gaps_are_found(published: Published) -> None:
    events = await published.happen()
    await published.write(*events[1:4], *events[6:])
    place = f"mimo.messages.{events[0].partition}"
    assert await published.wrong(records.GAPS) == f"3 ({place}: 1; {place}: 5 to 6)."


async def test_events_that_stand_there_twice_are_found(published: Published) -> None:
    events = await published.happen()
    await published.write(*events[:4], *events[2:])
    place = f"mimo.messages.{events[0].partition}"
    assert await published.wrong(records.TWICE) == f"2 ({place}: 3 after 4; {place}: 4 after 4)."


async def test_another_event_at_the_same_offset_is_found(published: Published) -> None:
    events = await published.happen()
    other = msgspec.structs.replace(events[4], id=new_id())
    await published.write(*events[:4], other, *events[5:])
    where = f"mimo.messages.{other.partition}: {other.id} as 5, in the log {events[4].id}"
    assert await published.wrong(records.OTHER) == f"1 ({where})."


async def test_another_history_is_found(published: Published) -> None:
    events = await published.happen()
    await published.topics.write(events, new_id())
    assert (await published.wrong(records.FOREIGN)).startswith(f"{EVENTS} (")


async def test_what_is_no_event_is_found(published: Published) -> None:
    events = await published.happen()
    place = (events[0].topic, events[0].partition)
    await published.write(*events)
    async with odd_producer(published.topics.cluster) as odd:
        await odd.write(place, [(b"key", b"value", [])])
    assert (await published.wrong(records.RUBBISH)).startswith(f"1 ({place[0]}.{place[1]}, Kafka's own offset ")


async def test_what_the_log_got_after_the_snapshot_is_not_looked_at(published: Published) -> None:
    first = await published.happen()
    async with published.connection.transaction(isolation="repeatable_read"):
        assert await published.connection.fetchval("select count(*) from log.event") == EVENTS
        later = await published.happen()
        await published.write(*first, *later)
        (finding,) = await record_findings(published.connection, published.topics.cluster, lambda *_: None)
    assert finding.sentence.startswith(f"All {EVENTS} records")


async def test_a_broker_that_is_away_is_said(published: Published) -> None:
    nowhere = f"127.0.0.1:{free_port()}"
    (finding,) = await published.findings(Cluster(nowhere))
    assert finding.remedy == REACH
    assert finding.sentence.startswith(f"Kafka at {nowhere} cannot be reached (")
