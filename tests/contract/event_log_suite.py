"""The contract of `EventLog`: what every implementation promises. A backend is a subclass with three methods.

It must not know any backend.
"""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import tracemalloc
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import AsyncExitStack, contextmanager, suppress
from itertools import count
from pathlib import Path

import pytest

from events.bookmark import Place
from events.courses import TOPIC as COURSES
from events.courses import CoursePublished
from events.enrollments import TOPIC as ENROLLMENTS
from events.ports import Assigned, Batch, EventLog
from events.recorded import Recorded
from infra.ids import new_id
from tests.contract.following import (
    HEARTBEATS_SECONDS,
    PATIENCE_SECONDS,
    Busy,
    Memory,
    by_place,
    happenings,
    partitions_of,
    until_caught_up,
)
from tests.written_log import WrittenLog

PROMPTLY_SECONDS = 5.0
"""Not for ever, on a machine however busy; it takes milliseconds."""
_numbers = count()


class EventLogContract(ABC):
    """The suite."""

    @abstractmethod
    def event_log(self) -> EventLog:
        """The implementation under test, with a pace fit for tests."""

    @abstractmethod
    async def publish(self, log: WrittenLog) -> None:
        """Makes what was added to the written log readable."""

    @abstractmethod
    def member_command(self, group: str) -> list[str]:
        """A program that follows both topics as a member of a group and prints `assigned <n>` for each assignment."""

    @pytest.fixture
    def log(self) -> WrittenLog:
        return WrittenLog()

    @pytest.fixture
    def group(self) -> str:
        return f"group-{next(_numbers)}"

    # -- order and completeness ----------------------------------------------------------------------------------------

    async def test_everything_comes_once_in_order_per_partition_and_nothing_else(self, log: WrittenLog) -> None:
        happenings(log, 2_000)
        await self.publish(log)
        async with self.event_log().follow([COURSES], Memory(), batch_size=100) as items:
            got = await until_caught_up(items)
        wanted = by_place([event for event in log.events if event.topic == COURSES])
        assert by_place(got) == wanted

    async def test_the_first_item_is_the_assignment_of_all_partitions(self, log: WrittenLog) -> None:
        async with self.event_log().follow([COURSES], Memory()) as items:
            assert await anext(items) == Assigned(frozenset(range(log.partitions)))

    async def test_several_topics_come_together(self, log: WrittenLog) -> None:
        happenings(log, 500)
        await self.publish(log)
        async with self.event_log().follow([COURSES, ENROLLMENTS], Memory(), batch_size=64) as items:
            assert by_place(await until_caught_up(items)) == by_place(log.events)

    async def test_it_resumes_after_the_checkpoint_of_each_partition(self, log: WrittenLog) -> None:
        happenings(log, 900)
        await self.publish(log)
        everything = by_place(log.events)
        offsets = {place: (number * 5) % (len(events) + 1) for number, (place, events) in enumerate(everything.items())}
        async with self.event_log().follow([COURSES, ENROLLMENTS], Memory(offsets), batch_size=50) as items:
            got = by_place(await until_caught_up(items))
        assert got == {place: rest for place, events in everything.items() if (rest := events[offsets[place] :])}

    async def test_what_arrives_later_follows_without_a_gap(self, log: WrittenLog) -> None:
        got: list[Recorded] = []
        async with self.event_log().follow([COURSES], Memory(), batch_size=10) as items:
            for _ in range(5):
                happenings(log, 60)
                await self.publish(log)
                courses = [event for event in log.events if event.topic == COURSES]
                async with asyncio.timeout(PATIENCE_SECONDS):
                    while len(got) < len(courses):
                        got += await until_caught_up(items)
        assert by_place(got) == by_place(courses)

    async def test_what_was_not_checkpointed_is_delivered_again(self, log: WrittenLog) -> None:
        happenings(log, 300)
        await self.publish(log)
        memory = Memory()
        async with self.event_log().follow([COURSES], memory, batch_size=20) as items:
            async with asyncio.timeout(PATIENCE_SECONDS):
                applied = [item for item in [await anext(items) for _ in range(4)] if isinstance(item, Batch)]
            memory.note(applied[0])
        async with self.event_log().follow([COURSES], memory, batch_size=20) as items:
            again = await until_caught_up(items)
        rest = {event.id for event in log.events if event.topic == COURSES} - {event.id for event in applied[0].events}
        assert {event.id for event in again} == rest

    # -- the end of the log --------------------------------------------------------------------------------------------

    async def test_it_says_caught_up_only_when_everything_was_delivered(self, log: WrittenLog) -> None:
        happenings(log, 250)
        await self.publish(log)
        async with self.event_log().follow([ENROLLMENTS], Memory(), batch_size=7) as items:
            got = await until_caught_up(items)
        assert len(got) == sum(event.topic == ENROLLMENTS for event in log.events)

    async def test_an_empty_log_is_caught_up_at_once_and_says_so_again(self) -> None:
        async with self.event_log().follow([COURSES], Memory()) as items:
            assert await until_caught_up(items) == []
            assert await until_caught_up(items) == []

    async def test_a_follower_can_start_at_the_end(self, log: WrittenLog) -> None:
        happenings(log, 100)
        await self.publish(log)
        ends = await self.event_log().ends([COURSES, ENROLLMENTS])
        assert len(ends) == 2 * log.partitions
        async with self.event_log().follow([COURSES, ENROLLMENTS], Memory(ends)) as items:
            assert await until_caught_up(items) == []
            happenings(log, 40)
            await self.publish(log)
            got: list[Recorded] = []
            async with asyncio.timeout(PATIENCE_SECONDS):
                while len(got) < 40:
                    got += await until_caught_up(items)
        assert by_place(got) == by_place(log.events[100:])

    async def test_it_stops_promptly_while_it_waits(self) -> None:
        async with AsyncExitStack() as following:
            items = await following.enter_async_context(self.event_log().follow([COURSES], Memory()))
            await until_caught_up(items)
            waiting = asyncio.ensure_future(anext(items))
            await asyncio.sleep(0)
            async with asyncio.timeout(PROMPTLY_SECONDS):
                waiting.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await waiting
                await following.aclose()

    async def test_who_is_interrupted_anywhere_goes_on_where_they_were(self, log: WrittenLog, group: str) -> None:
        happenings(log, 200)
        await self.publish(log)
        memory, wait_seconds = Memory(), 0.001
        async with self.event_log().follow([COURSES, ENROLLMENTS], memory, group=group, batch_size=20) as items:
            got: list[Recorded] = []
            async with asyncio.timeout(PATIENCE_SECONDS):
                while len(got) < len(log.events):
                    with suppress(TimeoutError):
                        async with asyncio.timeout(wait_seconds):
                            item = await anext(items)
                            got += item.events if isinstance(item, Batch) else ()
                    wait_seconds *= 1.3  # interrupted at other places each time, and in the end not at all
        assert by_place(got) == by_place(log.events)

    async def test_memory_is_bounded_by_the_batch_however_slow_the_subscriber(self, log: WrittenLog) -> None:
        happenings(log, 20_000)
        await self.publish(log)
        async with self.event_log().follow([COURSES, ENROLLMENTS], Memory(), batch_size=100) as items:
            async with asyncio.timeout(PATIENCE_SECONDS):
                while not isinstance(await anext(items), Batch):
                    pass
            tracemalloc.start()
            try:
                for _ in range(50):  # the subscriber does nothing, the log may do as it likes
                    await asyncio.sleep(0.01)
                kept_bytes, _ = tracemalloc.get_traced_memory()
            finally:
                tracemalloc.stop()
        assert kept_bytes < 3_000_000

    @pytest.mark.parametrize("size", [20_000, 200], ids=["large", "usual"])
    async def test_large_events_make_smaller_batches_and_memory_is_bounded_by_their_bytes(
        self, log: WrittenLog, size: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("infra.event_log.tail.BATCH_BYTES", 1_000_000)
        for _ in range(1_000):
            log.add(CoursePublished(course_id=new_id()), data=f'{{"filling": "{"x" * size}"}}')
        await self.publish(log)
        got, lengths = list[tuple[Place, int]](), list[int]()
        async with self.event_log().follow([COURSES], Memory(), batch_size=1_000) as items:
            tracemalloc.start()
            try:
                async with asyncio.timeout(PATIENCE_SECONDS):
                    while len(got) < len(log.events):
                        if isinstance(item := await anext(items), Batch):
                            got += [((event.topic, event.partition), event.offset) for event in item.events]
                            lengths.append(sum(len(event.data) for event in item.events))
                _, peak_bytes = tracemalloc.get_traced_memory()
            finally:
                tracemalloc.stop()
        assert sorted(got) == sorted(((event.topic, event.partition), event.offset) for event in log.events)
        assert max(lengths) < 1_000_000 + 100 * (size + 100), "at most one slice more"
        assert peak_bytes < 15_000_000 < 1_000 * 20_000, "the log does not fit"

    # -- groups --------------------------------------------------------------------------------------------------------

    async def test_members_of_a_group_share_the_partitions_fairly(self, log: WrittenLog, group: str) -> None:
        """All read on until it is so: who stopped at a share that only looks right would keep it from the others."""
        held: dict[int, frozenset[int]] = {}
        fair = asyncio.Event()

        async def member(number: int) -> None:
            async with self.event_log().follow([COURSES], Memory(), group=group) as items:
                async for item in items:
                    if isinstance(item, Assigned):
                        held[number] = item.partitions
                        shares = [len(partitions) for partitions in held.values()]
                        everything = frozenset().union(*held.values()) == frozenset(range(log.partitions))
                        if shares == [log.partitions // 3] * 3 and everything:
                            fair.set()

        members = [asyncio.create_task(member(number)) for number in range(3)]
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                await fair.wait()
        finally:
            for task in members:
                task.cancel()
            await asyncio.gather(*members, return_exceptions=True)

    async def test_a_lone_member_has_everything_and_gets_back_what_one_leaves(
        self, log: WrittenLog, group: str
    ) -> None:
        async with self.event_log().follow([COURSES], Memory(), group=group) as staying:
            assert len(await partitions_of(staying, lambda _: True)) == log.partitions
            async with self.event_log().follow([COURSES], Memory(), group=group) as leaving:
                await asyncio.gather(
                    partitions_of(staying, lambda p: len(p) < log.partitions), partitions_of(leaving, bool)
                )
            await partitions_of(staying, lambda p: len(p) == log.partitions)

    async def test_partitions_are_given_back_only_when_what_was_delivered_is_done_with(
        self, log: WrittenLog, group: str
    ) -> None:
        staying = Busy()
        async with self.event_log().follow([COURSES], staying, group=group) as items:
            assert len(await partitions_of(items, lambda _: True)) == log.partitions
            staying.applying = True
            giving = asyncio.create_task(partitions_of(items, lambda p: 0 < len(p) < log.partitions))
            async with self.event_log().follow([COURSES], Memory(), group=group) as joining:
                getting = asyncio.create_task(partitions_of(joining, bool))
                async with asyncio.timeout(PATIENCE_SECONDS):
                    await staying.asked_meanwhile.wait()
                    done, _ = await asyncio.wait((giving, getting), timeout=HEARTBEATS_SECONDS)
                    assert not done
                    staying.applied.set()
                    given_back = frozenset(range(log.partitions)) - await giving
                    assert await getting <= given_back

    async def test_other_groups_are_not_affected(self, log: WrittenLog, group: str) -> None:
        async with (
            self.event_log().follow([COURSES], Memory(), group=group) as one,
            self.event_log().follow([COURSES], Memory(), group=f"{group}-other") as other,
        ):
            assert len(await partitions_of(one, lambda _: True)) == log.partitions
            assert len(await partitions_of(other, lambda _: True)) == log.partitions

    async def test_members_that_come_and_go_miss_nothing(self, log: WrittenLog, group: str) -> None:
        """Shared checkpoints, as a projection has them: every event is delivered to somebody, after the checkpoint."""
        memory = Memory()
        got: list[Recorded] = []
        came = asyncio.Condition()

        async def member() -> None:
            async with self.event_log().follow([COURSES], memory, group=group, batch_size=20) as items:
                async for item in items:
                    if isinstance(item, Batch):
                        got.extend(item.events)
                        memory.note(item)
                        async with came:
                            came.notify_all()

        async def until(enough: Callable[[], bool]) -> None:
            async with asyncio.timeout(PATIENCE_SECONDS), came:
                await came.wait_for(enough)

        tasks = [asyncio.create_task(member())]
        try:
            for _ in range(4):
                happenings(log, 150)
                before = len(got)
                tasks.append(asyncio.create_task(member()))
                await self.publish(log)
                await until(lambda: len(got) > before)  # noqa: B023 - awaited at once
                tasks.pop(0).cancel()
            courses = {event.id for event in log.events if event.topic == COURSES}
            await until(lambda: {event.id for event in got} == courses)
        finally:
            for task in tasks:
                task.cancel()
        firsts = {event.id: event for event in reversed(got)}
        assert by_place(sorted(firsts.values(), key=lambda event: event.position)) == by_place(
            [event for event in log.events if event.topic == COURSES]
        )

    @pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP], ids=["killed", "frozen"])
    async def test_what_a_dead_or_frozen_member_had_goes_to_the_others(
        self, log: WrittenLog, group: str, how: signal.Signals
    ) -> None:
        happenings(log, 200)
        await self.publish(log)
        with _process(self.member_command(group)) as process:
            await asyncio.to_thread(_read_until, process, f"assigned {log.partitions}")
            async with self.event_log().follow([COURSES, ENROLLMENTS], Memory(), group=group) as items:
                await partitions_of(items, lambda p: len(p) == log.partitions // 2)
                process.send_signal(how)
                await partitions_of(items, lambda p: len(p) == log.partitions)
                assert by_place(await until_caught_up(items)) == by_place(log.events)


@contextmanager
def _process(command: list[str]):  # type: ignore[no-untyped-def]
    root = Path(__file__).parents[2]
    with subprocess.Popen([sys.executable, *command], stdout=subprocess.PIPE, text=True, cwd=root) as process:
        try:
            yield process
        finally:
            process.kill()


def _read_until(process: subprocess.Popen[str], wanted: str) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        if line.strip() == wanted:
            return
    raise AssertionError(f"the member ended without saying {wanted!r}")
