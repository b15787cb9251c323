"""What tests of a followed log are made of: happenings, checkpoints kept by the test, and reading on until something.

It must not know any backend.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Collection, Mapping

from events.bookmark import Place
from events.courses import CoursePublished
from events.enrollments import Enrolled
from events.ports import Assigned, Batch, CaughtUp, Item, Reached
from events.recorded import Recorded
from infra.ids import new_id
from tests.written_log import WrittenLog

PATIENCE_SECONDS = 20
HEARTBEATS_SECONDS = 0.4
"""Several, at the pace of the implementations under test."""


class Memory:
    """Checkpoints that a test keeps itself."""

    def __init__(self, offsets: Mapping[Place, int] | None = None, hints: Mapping[Place, int] | None = None) -> None:
        self.offsets: dict[Place, int] = dict(offsets or {})
        self.hints: dict[Place, int] = dict(hints or {})
        self.asked: list[frozenset[int]] = []

    async def load(self, partitions: frozenset[int]) -> Reached:
        self.asked.append(partitions)
        return Reached(dict(self.offsets), dict(self.hints))

    def note(self, batch: Batch) -> None:
        self.offsets.update(((event.topic, event.partition), event.offset) for event in batch.events)
        self.hints.update(batch.hints)


class Busy(Memory):
    """A subscriber that may still be applying what was delivered when it is asked for its checkpoints."""

    def __init__(self) -> None:
        super().__init__()
        self.applying = False
        self.asked_meanwhile, self.applied = asyncio.Event(), asyncio.Event()

    async def load(self, partitions: frozenset[int]) -> Reached:
        if self.applying:
            self.asked_meanwhile.set()
            await self.applied.wait()
        return await super().load(partitions)


def happenings(log: WrittenLog, events: int, keys: int = 30) -> None:
    """Two topics, mixed, over many partitions."""
    courses = [new_id() for _ in range(keys)]
    for number in range(events):
        course = courses[number * 7 % keys]
        log.add(Enrolled(course_id=course, user_id=new_id()) if number % 3 else CoursePublished(course_id=course))


def by_place(events: Collection[Recorded]) -> dict[Place, list[Recorded]]:
    sorted_out: dict[Place, list[Recorded]] = defaultdict(list)
    for event in events:
        sorted_out[event.topic, event.partition].append(event)
    return dict(sorted_out)


async def until_caught_up(
    items: AsyncIterator[Item], memory: Memory | None = None, *, patience_seconds: float = PATIENCE_SECONDS
) -> list[Recorded]:
    """Everything up to the next `CaughtUp`."""
    got: list[Recorded] = []
    async with asyncio.timeout(patience_seconds):
        async for item in items:
            if isinstance(item, Batch):
                got.extend(item.events)
                if memory is not None:
                    memory.note(item)
            elif isinstance(item, CaughtUp):
                return got
    raise AssertionError("the iterator ended")


async def partitions_of(items: AsyncIterator[Item], wanted: Callable[[frozenset[int]], bool]) -> frozenset[int]:
    """Reads on until an assignment is as wanted."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        async for item in items:
            if isinstance(item, Assigned) and wanted(item.partitions):
                return item.partitions
    raise AssertionError("the iterator ended")
