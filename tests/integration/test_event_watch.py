"""Watching the log: old events, then new ones, each once and in order, whatever becomes of the connection."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing

import asyncpg
import pytest
import pytest_asyncio

from events.courses import CoursePublished
from events.errors import CannotStart, HistoryChanged
from events.recorded import Recorded
from events.users import SessionEnded
from infra.event_log import watch
from infra.event_log.wanted import Wanted, read_wanted
from infra.event_log.watch import Watch
from tests.integration.searched_log import SearchedLog
from tests.until import POLL_SECONDS, until_answer

PATIENCE_SECONDS = 30.0
NOWHERE = "postgresql://mimo@127.0.0.1:1/mimo"
ITS = "from pg_stat_activity where application_name = 'mimo-events' and datname = current_database()"
WAITS = f"select count(*) {ITS} and state = 'idle' and query like '%max(position)%'"
END_IT = f"select count(pg_terminate_backend(pid)) {ITS}"


class Watched:
    """A watching that is read some events at a time; `said` is what it told of the database."""

    def __init__(self, url: str, wanted: Wanted, number: int, *, patient: bool = False) -> None:
        self.url = url
        self.said: list[str] = []
        self.events = Watch(lambda: self.url, wanted, self.said.append, patient=patient).events(number)

    async def next(self, number: int = 1) -> list[Recorded]:
        async with asyncio.timeout(PATIENCE_SECONDS):
            return [await anext(self.events) for _ in range(number)]


@pytest.fixture(autouse=True)
def only_when_woken(monkeypatch: pytest.MonkeyPatch) -> None:
    """It asks for nothing by itself, so a test fails when nothing wakes it."""
    monkeypatch.setattr(watch, "POLL_SECONDS", 2 * PATIENCE_SECONDS)


@pytest_asyncio.fixture(loop_scope="session")
async def owner(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


@pytest_asyncio.fixture(loop_scope="session")
async def log(database_url: str) -> SearchedLog:
    log = SearchedLog(60)
    await log.store(database_url)
    return log


def published(log: SearchedLog, number: int = 1) -> list[Recorded]:
    """Something else happens, and then courses are published."""
    log.add(SessionEnded(user_id=log.people[0], session_id=None, reason="logout"))
    return log.add_all(CoursePublished(course_id=log.courses[0]) for _ in range(number))


async def test_the_last_events_come_first_and_then_notify_wakes_it_for_new_ones(
    database_url: str, log: SearchedLog, owner: asyncpg.Connection
) -> None:
    watching = Watched(database_url, read_wanted(types=["CoursePublished"]), 3)
    async with aclosing(watching.events):
        assert await watching.next(3) == [event for event in log.events if event.type == "CoursePublished"][-3:]
        for number in (1, 2, 1_200):
            waiting = asyncio.create_task(watching.next(number))
            await until_answer(owner, WAITS, 1)
            new = published(log, number)
            await log.store(database_url)
            assert await waiting == new
    assert watching.said == []


@pytest.mark.parametrize("filters", [{"key": "ID"}, {"stream": "course-ID"}, {"topic": "courses"}, {"pattern": "ID"}])
async def test_what_is_new_is_filtered_as_what_is_old(
    database_url: str, log: SearchedLog, owner: asyncpg.Connection, filters: dict[str, str]
) -> None:
    course = str(log.courses[0])
    wanted = read_wanted(types=["CoursePublished"], **{n: f.replace("ID", course) for n, f in filters.items()})  # type: ignore[arg-type]
    watching = Watched(database_url, wanted, 1)
    async with aclosing(watching.events):
        await watching.next()
        waiting = asyncio.create_task(watching.next(2))
        await until_answer(owner, WAITS, 1)
        new = published(log, 2)
        await log.store(database_url)
        assert await waiting == new


async def test_a_lost_connection_is_said_once_each_way_and_loses_and_doubles_nothing(
    database_url: str, log: SearchedLog, owner: asyncpg.Connection
) -> None:
    watching = Watched(database_url, read_wanted(types=["CoursePublished"]), 1)
    async with aclosing(watching.events):
        await watching.next()
        for times in (1, 2, 3):
            waiting = asyncio.create_task(watching.next(2))
            await until_answer(owner, WAITS, 1)
            watching.url = NOWHERE
            await owner.fetchval(END_IT)
            await _until(lambda said=2 * times - 1: len(watching.said) == said)  # type: ignore[misc]
            new = published(log, 2)
            await log.store(database_url)
            watching.url = database_url
            assert await waiting == new
            assert len(watching.said) == 2 * times
    for lost, found in zip(watching.said[::2], watching.said[1::2], strict=True):
        assert lost.startswith("The database is away (")
        assert found == "The database is back."


async def test_one_that_is_not_there_at_the_beginning_is_waited_for_only_by_the_patient(
    database_url: str, log: SearchedLog
) -> None:
    hasty = Watched(NOWHERE, Wanted(), 1)
    with pytest.raises(CannotStart, match="cannot be reached"):
        await hasty.next()
    patient = Watched(NOWHERE, Wanted(), 1, patient=True)
    async with aclosing(patient.events):
        waiting = asyncio.create_task(patient.next())
        await _until(lambda: patient.said != [])
        patient.url = database_url
        assert await waiting == log.events[-1:]
    assert [sentence.partition(" (")[0] for sentence in patient.said] == [
        "The database is away",
        "The database is back.",
    ]


async def test_it_does_not_go_on_in_another_history(
    database_url: str, log: SearchedLog, owner: asyncpg.Connection
) -> None:
    watching = Watched(database_url, Wanted(), 1)
    async with aclosing(watching.events):
        await watching.next()
        waiting = asyncio.create_task(watching.next())
        await until_answer(owner, WAITS, 1)
        await owner.execute("update log.installation set log_id = gen_random_uuid()")
        await owner.fetchval(END_IT)
        with pytest.raises(HistoryChanged, match="another history now"):
            await waiting


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not condition():  # noqa: ASYNC110 - it is told by a function call
            await asyncio.sleep(POLL_SECONDS)
