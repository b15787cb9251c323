"""Looking for events: every filter finds, in order, what a look at each event finds, by whichever way is shorter."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Callable

import asyncpg
import pytest
import pytest_asyncio

from events.errors import BrokenLog, InvalidRequest, NotFound
from events.messages import MessageSent
from events.recorded import Recorded
from events.users import SessionEnded
from infra.event_log import lanes
from infra.event_log.lanes import Lane
from infra.event_log.places import find, read_where
from infra.event_log.search import Search, searching
from infra.event_log.wanted import Grouping, Wanted, read_wanted
from tests.integration.searched_log import SearchedLog, actor, cases

LOG_EVENTS = 1_500


@pytest.fixture(scope="module")
def log() -> SearchedLog:
    return SearchedLog(LOG_EVENTS)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def search(shared_database_url: str, log: SearchedLog) -> AsyncIterator[Search]:
    await log.store(shared_database_url)
    async with searching(shared_database_url) as search:
        yield search


async def test_every_filter_finds_what_it_means_in_order(search: Search, log: SearchedLog) -> None:
    for wanted, matches in cases(log):
        expected = [event for event in log.events if matches(event)]
        bounds = await search.bounds(wanted)
        assert [event async for event in search.events(wanted, bounds)] == expected, wanted
        for number in (0, 1, 20, 600):
            assert await search.last(wanted, bounds, number) == expected[len(expected) - min(number, len(expected)) :]
        assert (await search.counts(wanted, bounds, None)).total() == len(expected), wanted


async def test_events_are_counted_by_what_is_asked_for(search: Search, log: SearchedLog) -> None:
    groups: dict[Grouping, Callable[[Recorded], str]] = {
        Grouping.TYPE: lambda event: event.type,
        Grouping.TOPIC: lambda event: event.topic,
        Grouping.STREAM: lambda event: event.stream,
        Grouping.DAY: lambda event: f"{event.at:%F}",
        Grouping.ACTOR: actor,
    }
    assert set(groups) == set(Grouping)
    wanted = read_wanted(topic="users")
    for by, what in groups.items():
        expected = Counter(map(what, log.events))
        assert await search.counts(Wanted(), await search.bounds(Wanted()), by) == expected
        expected = Counter(what(event) for event in log.events if event.topic == "mimo.users")
        assert await search.counts(wanted, await search.bounds(wanted), by) == expected


async def test_small_pages_and_windows_change_nothing(
    search: Search, log: SearchedLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"PAGE_EVENTS": 3, "WINDOW": 7, "PATTERN_WINDOW": 2}.items():
        monkeypatch.setattr(lanes, name, value)
    for wanted, matches in cases(log):
        first = len(log.events) - 120
        expected = [event for event in log.events[first:] if matches(event)]
        whole = await search.bounds(wanted)
        bounds = whole.part(max(whole.after, first), max(whole.upto, first))
        assert [event async for event in search.events(wanted, bounds)] == expected, wanted
        assert await search.last(wanted, bounds, 5) == expected[-5:]
        assert (await search.counts(wanted, bounds, None)).total() == len(expected)


async def test_what_is_found_is_the_log_as_it_was_at_the_beginning(database_url: str) -> None:
    log = SearchedLog(60)
    await log.store(database_url)
    filters = [Wanted(), read_wanted(types=["SessionEnded"]), read_wanted(key=str(log.channels[0]))]
    async with searching(database_url) as search:
        bounds = await search.bounds(Wanted())
        before = [[event async for event in search.events(wanted, bounds)] for wanted in filters]
        for person in log.people:
            log.add(SessionEnded(user_id=person, session_id=None, reason="logout"))
        log.add(MessageSent(channel_id=log.channels[0], author_id=log.people[0], text="Later"))
        await log.store(database_url)
        assert [[event async for event in search.events(wanted, bounds)] for wanted in filters] == before
        for wanted, found in zip(filters, before, strict=True):
            assert await search.last(wanted, bounds, 1_000) == found
            assert (await search.counts(wanted, bounds, None)).total() == len(found)


async def test_one_event_is_found_by_each_of_its_names(search: Search, log: SearchedLog) -> None:
    event = log.events[333]
    for name in (
        str(event.position), str(event.id), f"{event.stream}@{event.version}",
        f"{event.topic}/{event.partition}/{event.offset}",
        f"{event.topic.removeprefix('mimo.')}.{event.partition}:{event.offset}",
    ):  # fmt: skip
        assert await find(search, read_where(name)) == event
    for name in ("0", "99999999", str(log.people[0]), f"{event.stream}@0", "messages/999/1"):
        with pytest.raises(NotFound, match=f"There is no such event; the log has {len(log.events)}"):
            await find(search, read_where(name))


async def test_an_empty_log_has_nothing(database_url: str) -> None:
    async with searching(database_url) as search:
        for wanted in (Wanted(), read_wanted(types=["Enrolled"]), read_wanted(key="k"), read_wanted(since="1h")):
            bounds = await search.bounds(wanted)
            assert [event async for event in search.events(wanted, bounds)] == []
            assert await search.last(wanted, bounds, 9) == []
            assert not await search.counts(wanted, bounds, Grouping.TYPE)


async def test_what_is_no_regular_expression_is_refused(search: Search) -> None:
    with pytest.raises(InvalidRequest, match=r"is no regular expression: .*parentheses"):
        await search.bounds(read_wanted(pattern="("))


async def test_nothing_that_looks_may_read_secrets_or_write(search: Search) -> None:
    for statement in ("select from log.private", "delete from log.event"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await search.connection.execute(statement)


async def test_a_number_that_is_missing_is_said(shared_database_url: str, search: Search, log: SearchedLog) -> None:
    lane = Lane("stream", f"channel-{log.channels[0]}")
    assert await lanes.reach(search.connection, lane, upto=1) == 0
    owner = await asyncpg.connect(shared_database_url)
    try:
        broken = owner.transaction()
        await broken.start()
        await owner.execute("update log.event set version = 1000000 where stream = $1 and version = 1", lane.name)
        with pytest.raises(BrokenLog, match=r"missing in the stream channel-.*mimo doctor"):
            await lanes.reach(owner, lane, upto=1)
        await broken.rollback()
    finally:
        await owner.close()
