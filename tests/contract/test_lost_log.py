"""What a follower says of a log that is away: lost once, found once. Its subscriber hears more."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from itertools import pairwise

import asyncpg
import pytest
from structlog.testing import capture_logs

from events.ports import Assigned, Away, CaughtUp, Item, Reached
from infra.event_log.follower import Follower, Read
from infra.event_log.membership import Pace
from infra.kafka.cluster import AWAY, Unreachable
from infra.postgres import Role, connect
from tests.contract.following import PATIENCE_SECONDS, Memory

PACE = Pace(heartbeat_seconds=0.02, silence_seconds=5.0)
SEVERAL = 6


class Source:
    """Where two members read; it is away until the test says otherwise, which only who has partitions notices."""

    def __init__(self) -> None:
        self.away = True
        self.in_vain = 0
        self.items: list[Item] = []
        self.changed = asyncio.Condition()

    def ask(self) -> None:
        if self.away:
            self.in_vain += 1
            raise Unreachable(f"it is away, for {('this', 'that')[self.in_vain % 2]} reason")

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE_SECONDS), self.changed:
            await self.changed.wait_for(condition)


class Reader:
    def __init__(self, source: Source, _: asyncpg.Connection) -> None:
        self._source = source

    async def start(self, partitions: frozenset[int], reached: Reached) -> None:
        if partitions:
            self._source.ask()

    async def read(self) -> Read:
        self._source.ask()
        return None, CaughtUp(0)

    async def news(self) -> None:
        await asyncio.Event().wait()

    async def close(self) -> None:
        pass


@asynccontextmanager
async def member(url: str, source: Source) -> AsyncIterator[list[Item]]:
    """A member of a group that has one partition to share; what it hears."""
    follower = Follower(
        partial(connect, url, application="test-lost", role=Role.PROJECTOR), partial(Reader, source), Memory(), "lost",
        pace=PACE, poll_seconds=0.05, away=AWAY,
    )  # fmt: skip
    items: list[Item] = []

    async def follow() -> None:
        async for item in follower:
            async with source.changed:
                items.append(item)
                source.changed.notify_all()

    task = asyncio.create_task(follow())
    try:
        yield items
    finally:
        task.cancel()
        await asyncio.wait((task,))
        await follower.close()


async def test_it_is_lost_once_and_found_once_though_members_come_and_go(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While it is away, each member gets the partition in turn and loses it again: between, it is assigned nothing."""
    monkeypatch.setattr("infra.event_log.follower.LONGEST_PAUSE_SECONDS", 0.05)
    admin = await asyncpg.connect(database_url)
    await admin.execute("update log.installation set partitions = 1")
    await admin.close()
    source, nothing = Source(), Assigned(frozenset())
    with capture_logs() as logs:

        def said(event: str) -> int:
            return sum(line["event"] == event for line in logs)

        async with member(database_url, source) as one, member(database_url, source) as other:
            await source.until(lambda: one.count(nothing) + other.count(nothing) >= SEVERAL)
            assert 1 <= said("log_lost") <= 2, "once for each member"
            assert said("log_found") == 0
            for items in (one, other):
                assert not any(isinstance(item, CaughtUp) for item in items)
                assert all(before != item for before, item in pairwise(items)), "nothing is said twice"
            assert {item.reason for item in (*one, *other) if isinstance(item, Away)} == {
                "it is away, for this reason",
                "it is away, for that reason",
            }
            lost = said("log_lost")
            source.away = False
            await source.until(lambda: any(isinstance(item, CaughtUp) for item in (*one, *other)))
            assert 1 <= said("log_found") <= said("log_lost") <= max(lost, 2)
