"""The contract of `EventLog`, kept by the log in PostgreSQL; and what only this implementation promises."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping
from functools import partial

import asyncpg
import pytest

from events.bookmark import Place
from events.courses import TOPIC as COURSES
from events.enrollments import TOPIC as ENROLLMENTS
from events.errors import BrokenLog
from events.ports import EventLog
from events.recorded import Recorded
from infra.event_log.backlog import Backlog
from infra.event_log.membership import Pace
from infra.event_log.postgres import PostgresLog
from infra.postgres import Role, connect
from tests.contract.event_log_suite import EventLogContract
from tests.contract.following import PATIENCE_SECONDS, Memory, by_place, happenings
from tests.contract.following import until_caught_up as caught_up
from tests.written_log import WrittenLog

PACE = Pace(heartbeat_seconds=0.1, silence_seconds=1.0)


def postgres_log(url: str, shuffle: random.Random | None = None) -> PostgresLog:
    """As a projector would have it, only quicker to notice things."""
    own = partial(connect, url, application="test-log", role=Role.PROJECTOR)
    return PostgresLog(own, pace=PACE, poll_seconds=0.1, shuffle=shuffle)


class TestPostgresLog(EventLogContract):
    @pytest.fixture(autouse=True)
    def _database(self, database_url: str) -> None:
        self.url = database_url

    def event_log(self) -> EventLog:
        return postgres_log(self.url)

    async def publish(self, log: WrittenLog) -> None:
        await log.store(self.url)

    def member_command(self, group: str) -> list[str]:
        return ["-m", "tests.contract.member", self.url, group]

    # -- only here -----------------------------------------------------------------------------------------------------

    async def test_a_gap_in_the_log_is_a_loud_error(self, log: WrittenLog) -> None:
        happenings(log, 100)
        await self.publish(log)
        connection = await asyncpg.connect(self.url)
        await connection.execute("delete from log.event where position = 50")
        await connection.close()
        with pytest.raises(BrokenLog, match="gap"):
            async with self.event_log().follow([COURSES, ENROLLMENTS], Memory()) as items:
                await caught_up(items)

    async def test_a_checkpoint_that_the_log_does_not_have_is_a_loud_error(self, log: WrittenLog) -> None:
        with pytest.raises(BrokenLog, match="ahead of the log"):
            async with self.event_log().follow([COURSES], Memory({(COURSES, 3): 7})) as items:
                await caught_up(items)

    async def test_it_reconnects_by_itself(self, log: WrittenLog, group: str) -> None:
        happenings(log, 90)
        await self.publish(log)
        memory = Memory()
        async with self.event_log().follow([COURSES], memory, group=group, batch_size=10) as items:
            got = await caught_up(items, memory)
            connection = await asyncpg.connect(self.url)
            await connection.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity"
                " where application_name = 'test-log' and datname = current_database()"
            )
            await connection.close()
            happenings(log, 90)
            await self.publish(log)
            courses = [event for event in log.events if event.topic == COURSES]
            async with asyncio.timeout(PATIENCE_SECONDS):
                while len(got) < len(courses):
                    got += await caught_up(items, memory)
        assert by_place(got) == by_place(courses)

    async def test_shuffling_changes_the_order_between_partitions_only(self, log: WrittenLog) -> None:
        happenings(log, 400)
        await self.publish(log)
        mixed_log = postgres_log(self.url, random.Random(7))
        async with mixed_log.follow([COURSES, ENROLLMENTS], Memory()) as items:
            got = await caught_up(items)
        assert by_place(got) == by_place(log.events)
        assert got != log.events

    async def test_rare_topics_are_found_through_many_windows(
        self, log: WrittenLog, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("infra.event_log.reader.WINDOW_POSITIONS", 16)
        happenings(log, 500)
        await self.publish(log)
        async with self.event_log().follow([COURSES], Memory()) as items:
            assert by_place(await caught_up(items)) == by_place([e for e in log.events if e.topic == COURSES])

    @pytest.fixture
    def by_offsets(self, monkeypatch: pytest.MonkeyPatch) -> list[int]:
        """Who is 50 positions behind is far behind; how many events were read that way each time."""
        monkeypatch.setattr("infra.event_log.reader.BACKLOG_POSITIONS", 50)
        read, sizes = Backlog.read, []

        async def counted(backlog: Backlog, following: Mapping[Place, int]) -> list[Recorded]:
            events = await read(backlog, following)
            sizes.append(len(events))
            return events

        monkeypatch.setattr(Backlog, "read", counted)
        return sizes

    async def test_a_backlog_is_read_by_offsets_and_what_comes_then_by_positions(
        self, log: WrittenLog, by_offsets: list[int]
    ) -> None:
        happenings(log, 500)
        await self.publish(log)
        courses = [event for event in log.events if event.topic == COURSES]
        memory = Memory({(event.topic, event.partition): event.offset for event in courses[:40]})
        async with self.event_log().follow([COURSES], memory, batch_size=30) as items:
            got = await caught_up(items, memory)
            assert by_place(got) == by_place(courses[40:])
            assert sum(by_offsets) == len(courses) - 40
            assert max(by_offsets) <= 30
            happenings(log, 40)
            await self.publish(log)
            wanted = [event for event in log.events if event.topic == COURSES]
            async with asyncio.timeout(PATIENCE_SECONDS):
                while len(got) < len(wanted) - 40:
                    got += await caught_up(items, memory)
        assert by_place(got) == by_place(wanted[40:])
        assert sum(by_offsets) == len(courses) - 40

    async def test_a_backlog_of_large_events_comes_in_small_batches(
        self, log: WrittenLog, by_offsets: list[int], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("infra.event_log.tail.BATCH_BYTES", 1_000)
        happenings(log, 300)
        await self.publish(log)
        async with self.event_log().follow([COURSES, ENROLLMENTS], Memory()) as items:
            assert by_place(await caught_up(items)) == by_place(log.events)
        assert 0 < max(by_offsets) < 30

    async def test_a_gap_in_a_backlog_is_a_loud_error(self, log: WrittenLog, by_offsets: list[int]) -> None:
        happenings(log, 300)
        await self.publish(log)
        connection = await asyncpg.connect(self.url)
        await connection.execute("delete from log.event where position = 150")
        await connection.close()
        with pytest.raises(BrokenLog, match="gap"):
            async with self.event_log().follow([COURSES, ENROLLMENTS], Memory()) as items:
                await caught_up(items)
        assert by_offsets
