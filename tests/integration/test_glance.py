"""A glance ends soon; those that follow one another find everything once, in whatever ways they look."""

from __future__ import annotations

from collections.abc import AsyncIterator

import asyncpg
import pytest
import pytest_asyncio

from events.recorded import Recorded
from infra.embedded_postgres import EmbeddedPostgres
from infra.event_log import glance as glances
from infra.event_log.glance import glance
from infra.event_log.lanes import Stretch
from infra.event_log.search import Search, searching
from infra.event_log.wanted import Wanted, read_wanted
from tests.integration.searched_log import SearchedLog, cases
from tests.integration.test_event_search_cost import EVENTS, FILL, looked_at
from tests.postgres import cloned_database

SMALL = {"LOOKED_AT_AT_MOST": 90, "SHORT": 10}


@pytest.fixture(scope="module")
def log() -> SearchedLog:
    return SearchedLog(250)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def search(shared_database_url: str, log: SearchedLog) -> AsyncIterator[Search]:
    await log.store(shared_database_url)
    async with searching(shared_database_url) as search:
        yield search


async def all_newest(search: Search, wanted: Wanted, bounds: Stretch, limit: int) -> tuple[list[Recorded], int]:
    """What glances from the end to the beginning find, and how many they were."""
    found: list[Recorded] = []
    number, upto = 0, bounds.upto
    while upto > bounds.after:
        events, reached = await glance(search, wanted, bounds.part(bounds.after, upto), limit, newest_first=True)
        assert len(events) <= limit
        assert bounds.after <= reached < upto
        assert all(reached < event.position <= upto for event in events)
        found, number, upto = found + events, number + 1, reached
    return found, number


async def all_oldest(search: Search, wanted: Wanted, bounds: Stretch, limit: int) -> tuple[list[Recorded], int]:
    """What glances from the beginning to the end find, and how many they were."""
    found: list[Recorded] = []
    number, after = 0, bounds.after
    while after < bounds.upto:
        events, reached = await glance(search, wanted, bounds.part(after, bounds.upto), limit, newest_first=False)
        assert len(events) <= limit
        assert after < reached <= bounds.upto
        assert all(after < event.position <= reached for event in events)
        found, number, after = found + events, number + 1, reached
    return found, number


@pytest.mark.parametrize("limit", [5, 20, 200])
async def test_glances_that_follow_one_another_find_everything_once_and_in_order(
    search: Search, log: SearchedLog, monkeypatch: pytest.MonkeyPatch, limit: int
) -> None:
    for name, value in SMALL.items():
        monkeypatch.setattr(glances, name, value)
    numbers = []
    for wanted, matches in cases(log):
        expected = [event for event in log.events if matches(event)]
        bounds = await search.bounds(wanted)
        oldest, _ = await all_oldest(search, wanted, bounds, limit)
        newest, number = await all_newest(search, wanted, bounds, limit)
        assert (oldest, newest) == (expected, expected[::-1]), wanted
        numbers.append(number)
    assert max(numbers) > 1, "every glance came to the end: nothing was tried"


async def test_a_slow_log_shortens_a_glance(search: Search, log: SearchedLog, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LAST_BEGINNING_SECONDS", "QUICK_SECONDS"):
        monkeypatch.setattr(glances, name, 0.0)
    bounds = await search.bounds(Wanted())
    rare = read_wanted(types=["UserRegistered"])
    events, reached = await glance(search, rare, bounds, 50, newest_first=True)
    assert (events, bounds.upto - reached) == ([], 51)
    newest, number = await all_newest(search, rare, bounds, 50)
    assert newest == [event for event in log.events if event.type == "UserRegistered"][::-1]
    assert number > 5


async def test_a_glance_at_a_large_log_looks_at_a_part_of_it(
    postgres_server: EmbeddedPostgres, template_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(glances, "LOOKED_AT_AT_MOST", 4_000)
    async with cloned_database(postgres_server, template_database) as url:
        owner = await asyncpg.connect(url)
        await owner.execute(FILL.replace("$1", str(EVENTS)).replace("$2", "10"))
        await owner.close()
        async with searching(url) as search:
            bounds = await search.bounds(Wanted())
            for wanted, most in (
                (Wanted(), 200),
                (read_wanted(actor="worker"), 5_000),
                (read_wanted(topic="messages", actor="worker"), 6_000),
                (read_wanted(types=["SessionStarted"]), 1_500),
                (read_wanted(stream="user-a"), 200),
            ):
                for newest_first in (True, False):
                    before = await looked_at(search)
                    await glance(search, wanted, bounds, 50, newest_first=newest_first)
                    assert await looked_at(search) - before <= most, (wanted, newest_first)


async def test_what_is_rare_is_found_by_the_way_that_it_has(search: Search, log: SearchedLog) -> None:
    bounds = await search.bounds(Wanted())
    first = log.events[0]
    events, reached = await glance(search, read_wanted(stream=first.stream), bounds, 50, newest_first=True)
    assert events == [event for event in log.events if event.stream == first.stream][::-1]
    assert reached == 0
    assert await glance(search, Wanted(), bounds.part(3, 3), 50, newest_first=False) == ([], 3)
