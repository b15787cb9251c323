"""Who is in a room costs little however many they are, and of processes that fall silent it is forgotten."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Collection
from typing import Any
from uuid import UUID, uuid4

from hypothesis import given
from hypothesis import strategies as st

from query_api.live import notices
from query_api.live.crowd import MAX_NAMED, Crowd
from query_api.live.elsewhere import SILENT_SECONDS, Elsewhere
from query_api.live.frames import Frame
from query_api.live.listener import Listener

CHANNEL_ID = UUID("01938000-0000-7000-8000-000000000004")
POSTGRES_PAYLOAD_BYTES = 8_000


class Watcher(Listener):
    """Keeps what it is told; while it is slow, it takes nothing that matters for a moment only."""

    def __init__(self) -> None:
        super().__init__(authenticator=None)  # type: ignore[arg-type]
        self.told: list[dict[str, Any]] = []
        self.slow = False
        self.heard = asyncio.Event()

    def push(self, frame: Frame) -> None:
        self.told += [json.loads(text) for text in frame.texts]
        self.heard.set()

    def offer(self, frame: Frame) -> bool:
        if not self.slow:
            self.push(frame)
        return not self.slow

    async def drained(self) -> bool:
        return True

    def put_out(self, channel_id: UUID) -> None: ...

    def cut_off(self, code: int, reason: str) -> None: ...

    async def next(self) -> dict[str, Any]:
        """What it is told next."""
        while not self.told:
            self.heard.clear()
            await asyncio.wait_for(self.heard.wait(), 10)
        return self.told.pop(0)


class House:
    """A crowd and who is in it."""

    def __init__(self, people: int) -> None:
        self.people = {UUID(int=number) for number in range(people)}
        self.crowd = Crowd(CHANNEL_ID, lambda: frozenset(self.people))

    def come(self, number: int) -> None:
        self.people.add(UUID(int=number))
        self.crowd.moved()

    def go(self, number: int) -> None:
        self.people.discard(UUID(int=number))
        self.crowd.moved()


async def test_a_thousand_people_who_come_are_not_told_a_thousand_times() -> None:
    house, first = House(0), Watcher()
    house.crowd.watch(first)
    assert (await first.next())["here"] == []
    for number in range(1_000):
        house.come(number)
        house.crowd.watch(Watcher())
    told = [await first.next(), await first.next()]
    assert [one["count"] for one in told] == [1, 1_000], "the first at once, all others together a second later"
    assert "came" not in told[1]
    for number in range(1_000 - MAX_NAMED):
        house.go(number)
    assert len((await first.next())["here"]) == MAX_NAMED
    house.go(999)
    assert (await first.next()) == {
        "type": "presence", "channel_id": str(CHANNEL_ID), "came": [], "went": [str(UUID(int=999))], "count": 199,
    }  # fmt: skip


async def test_who_is_slow_is_told_everything_later_and_nobody_waits_for_it() -> None:
    house, quick, slow = House(2), Watcher(), Watcher()
    for watcher in (quick, slow):
        house.crowd.watch(watcher)
        assert len((await watcher.next())["here"]) == 2
    slow.slow = True
    house.come(2)
    assert (await quick.next())["came"] == [str(UUID(int=2))]
    house.come(3)
    assert (await quick.next())["came"] == [str(UUID(int=3))]
    slow.slow = False
    assert len((await slow.next())["here"]) == 4


async def test_who_comes_and_goes_within_the_pause_is_not_told() -> None:
    house, watcher = House(1), Watcher()
    house.crowd.watch(watcher)
    house.come(1)
    house.come(2)
    house.go(2)
    house.come(3)
    assert [(await watcher.next()).get("came") for _ in range(3)] == [None, [str(UUID(int=1))], [str(UUID(int=3))]]


@given(st.dictionaries(st.uuids(), st.sets(st.uuids(), min_size=1, max_size=300), max_size=300))
def test_what_processes_tell_each_other_fits_into_notifications(people: dict[UUID, set[UUID]]) -> None:
    payloads = notices.payloads(uuid4(), "whole", people)
    assert max(len(payload) for payload in payloads) < POSTGRES_PAYLOAD_BYTES
    moved: list[UUID] = []
    elsewhere = Elsewhere(moved.extend)
    for payload in payloads:
        elsewhere.hear(notices.read(payload))
    assert {channel_id: elsewhere.people(channel_id) for channel_id in people} == people
    assert set(moved) == people.keys()


class Others:
    """What one process hears of others, at a time of its own."""

    def __init__(self) -> None:
        self.now = 0.0
        self.moved: list[Collection[UUID]] = []
        self.elsewhere = Elsewhere(lambda channels: self.moved.append([*channels]), lambda: self.now)

    def tell(self, process: int, kind: notices.Kind, *people: int, **more: Any) -> None:
        ids = [UUID(int=number) for number in people]
        self.elsewhere.hear(notices.Notice(UUID(int=process), kind, {CHANNEL_ID: ids} if ids else {}, **more))

    def here(self) -> set[int]:
        return {one.int for one in self.elsewhere.people(CHANNEL_ID)}


def test_a_process_that_falls_silent_or_ends_is_forgotten() -> None:
    others = Others()
    others.tell(1, "came", 10, 11)
    others.tell(2, "came", 11, 12)
    others.now = SILENT_SECONDS
    others.tell(2, "went", 12)
    others.now += 1
    others.elsewhere.forget_the_silent()
    assert others.here() == {11}, "in the one that still speaks"
    others.tell(2, "gone")
    assert others.here() == set()
    assert others.moved[-1] == [CHANNEL_ID]


def test_a_whole_replaces_what_was_told_before_once_all_of_it_has_come() -> None:
    others = Others()
    others.tell(1, "came", 10, 11)
    others.tell(1, "whole", 11, part=0, last=False)
    assert others.here() == {10, 11}
    others.tell(1, "whole", 12, part=1, last=True)
    assert others.here() == {11, 12}
    others.tell(2, "whole", 20, part=1, last=True)
    assert others.here() == {11, 12}, "its beginning was not heard"
    moves = len(others.moved)
    others.tell(1, "whole", 11, 12)
    assert others.moved[moves:] == [[]], "nothing changed"
