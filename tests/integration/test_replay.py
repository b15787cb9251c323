"""Replay: the next generation is built beside the live one, shown without a reader noticing, and can be taken back."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial

import asyncpg
import pytest
import pytest_asyncio

from events.courses import CourseCreated
from events.errors import CannotStart
from infra.ids import new_id
from infra.postgres import Role, connect
from mimo.replaying import (
    Plan,
    list_generations,
    plan_sentence,
    run_drop,
    run_replay,
    run_rollback,
    shown_before,
    wanted,
)
from projectors.replay import Phase, ReplayFailed, Standing
from projectors.switching import NotStandingBy
from projectors.views import PROJECTIONS
from tests.beside import projecting
from tests.property.test_projections import TABLES, School, model, rows, worded

PATIENCE_SECONDS = 60
MESSAGES = wanted("messages")
STATUSES = "select array_agg(status order by generation) from projection.generation where projection = $1"
APPLIED = """
    select coalesce(sum("offset"), 0)::int from projection.checkpoint
    where projection = $1 and generation = $2"""
SEEN = "select coalesce(sum(last_seq), 0)::int from read.channels_v1"
SCHEMAS = "select count(*) from pg_namespace where nspname = $1"


class Installation:
    """A log with a school in it, and the views of it."""

    def __init__(self, url: str, admin: asyncpg.Connection) -> None:
        self.url, self.admin = url, admin
        self.school = School(random.Random(11), partitions=12)
        self.own = partial(connect, url, application="test-worker", role=Role.PROJECTOR)
        self.told: list[Standing] = []

    async def happen(self, times: int) -> None:
        for _ in range(times):
            self.school.happen()
        await self.school.log.store(self.url)

    def events_of(self, projection: str) -> int:
        return sum(event.topic in wanted(projection).topics for event in self.school.log.events)

    @asynccontextmanager
    async def working(self) -> AsyncIterator[None]:
        """Projector processes follow the log until the block ends."""
        async with projecting(self.url):
            yield

    async def until_applied(self, projection: str, generation: int) -> None:
        await until(partial(self.admin.fetchval, APPLIED, projection, generation), self.events_of(projection))

    async def until_shown(self, projection: str) -> None:
        """Until readers see the first generation, with everything."""
        await self.until_applied(projection, 1)
        await until(partial(self.admin.fetchval, STATUSES, projection), ["live"])

    async def replay(self, projection: str = "messages", jobs: int = 1, rate: float | None = None) -> str:
        plan = Plan(wanted(projection), jobs=jobs, rate=rate)
        return (await run_replay(self.url, plan, {}, self.told.append)).schema

    async def rows_of(self, projection: str, generation: int) -> dict[str, list[tuple[object, ...]]]:
        await self.admin.execute(f"set search_path = {projection}_v1_g{generation}")
        return {table: await rows(self.admin, table) for table in TABLES[projection]}

    async def fold(self, projection: str) -> dict[str, list[tuple[object, ...]]]:
        return await worded(self.admin, model(wanted(projection), self.school.log, self.school.log.ring))


async def until(ask: Callable[[], Awaitable[object]], wanted: object) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while await ask() != wanted:  # noqa: ASYNC110 - it happens elsewhere
            await asyncio.sleep(0.02)


@pytest_asyncio.fixture(loop_scope="session")
async def installation(database_url: str) -> AsyncIterator[Installation]:
    admin = await asyncpg.connect(database_url)
    yield Installation(database_url, admin)
    await admin.close()


@pytest.mark.parametrize("jobs", [1, 2])
async def test_what_is_built_equals_the_fold_and_takes_the_place_of_the_live_one(
    installation: Installation, jobs: int
) -> None:
    await installation.happen(600)
    async with installation.working():
        await installation.until_shown("messages")
        assert await installation.replay(jobs=jobs) == "messages_v1_g2"
        assert await installation.admin.fetchval(STATUSES, "messages") == ["standby", "live"]
        await installation.happen(100)
        await installation.until_applied("messages", 2)
        await installation.until_applied("messages", 1)
    fold = await installation.fold("messages")
    assert await installation.rows_of("messages", 2) == fold
    assert await installation.rows_of("messages", 1) == fold
    assert {standing.phase for standing in installation.told} == set(Phase)
    assert installation.told[-1].applied == installation.told[-1].events


async def test_every_projection_can_be_replayed_while_nothing_else_runs(installation: Installation) -> None:
    await installation.happen(300)
    async with installation.working():
        for projection in PROJECTIONS:
            await installation.until_shown(projection.name)
    for projection in PROJECTIONS:
        assert await installation.replay(projection.name) == f"{projection.name}_v1_g2"
        assert await installation.rows_of(projection.name, 2) == await installation.fold(projection.name)


async def test_readers_meet_neither_an_error_nor_an_older_answer_while_others_write(installation: Installation) -> None:
    await installation.happen(400)
    seen: list[int] = []
    replayed = asyncio.Event()
    reader = await connect(installation.url, application="test-reader", role=Role.QUERY)

    async def read() -> None:
        while not replayed.is_set():
            seen.append(await reader.fetchval(SEEN))

    async def write() -> None:
        while not replayed.is_set():
            await installation.happen(5)

    async with installation.working():
        await installation.until_shown("messages")
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(read())
            tasks.create_task(write())
            try:
                for number in (2, 3):
                    assert await installation.replay() == f"messages_v1_g{number}"
            finally:
                replayed.set()
        await installation.until_applied("messages", 3)
    await reader.close()
    assert seen == sorted(seen)
    assert len(set(seen)) > 3
    assert await installation.rows_of("messages", 3) == await installation.fold("messages")


async def test_a_replay_that_was_killed_is_gone_on_with(installation: Installation) -> None:
    await installation.happen(400)
    async with installation.working():
        await installation.until_shown("messages")
        replaying = asyncio.create_task(installation.replay(rate=50))
        await until(lambda: _truth(any(0 < one.applied < one.events for one in installation.told)), True)
        replaying.cancel()
        with suppress(asyncio.CancelledError):
            await replaying
        applied = await installation.admin.fetchval(APPLIED, "messages", 2)
        assert 0 < applied < installation.events_of("messages")
        assert await installation.admin.fetchval(STATUSES, "messages") == ["live", "building"]
        installation.told.clear()
        assert await installation.replay() == "messages_v1_g2"
    assert installation.told[0].applied >= applied
    assert await installation.rows_of("messages", 2) == await installation.fold("messages")


async def test_one_replay_of_a_projection_at_a_time(installation: Installation) -> None:
    await installation.happen(300)
    async with installation.working():
        await installation.until_shown("messages")
        first = asyncio.create_task(installation.replay(rate=20))
        await until(lambda: _truth(bool(installation.told)), True)
        with pytest.raises(ReplayFailed, match="being replayed already"):
            await installation.replay()
        first.cancel()
        with suppress(asyncio.CancelledError):
            await first


async def test_an_event_that_cannot_be_applied_ends_it_and_readers_keep_what_they_have(
    installation: Installation,
) -> None:
    log = installation.school.log
    log.add(CourseCreated(course_id=new_id(), owner_id=new_id(), title="Algebra", description=""))
    await log.store(installation.url)
    async with installation.working():
        await installation.until_shown("courses")
        log.add(CourseCreated(course_id=new_id(), owner_id=new_id(), title="", description=""), data='{"no": 1}')
        await log.store(installation.url)
        with pytest.raises(ReplayFailed, match="stands still before an event: CourseCreated"):
            await installation.replay("courses")
    assert await installation.admin.fetchval(STATUSES, "courses") == ["live", "building"]


async def test_a_process_that_builds_and_cannot_says_why(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    await installation.happen(50)
    monkeypatch.setenv("MIMO_PARTITIONS", "many")
    with pytest.raises(ReplayFailed, match=r"MIMO_PARTITIONS.*What was built is kept"):
        await installation.replay()


async def roll_back(url: str) -> int:
    return (await run_rollback(url, MESSAGES, (await shown_before(url, MESSAGES)).number)).number


async def test_rolling_back_shows_what_was_shown_before_with_all_that_came_since(installation: Installation) -> None:
    await installation.happen(200)
    async with installation.working():
        await installation.until_shown("messages")
        with pytest.raises(CannotStart, match="no other generation"):
            await shown_before(installation.url, MESSAGES)
        await installation.replay()
        await installation.happen(100)
        await installation.until_applied("messages", 2)
        assert await roll_back(installation.url) == 1
        assert await installation.admin.fetchval(STATUSES, "messages") == ["live", "standby"]
        await installation.until_applied("messages", 1)
        assert (await run_rollback(installation.url, MESSAGES, 1)).number == 1  # readers see it already
        for number in (3, 9):
            with pytest.raises(CannotStart, match=f"no generation {number} on standby"):
                await run_rollback(installation.url, MESSAGES, number)
        assert await roll_back(installation.url) == 2
    assert await installation.rows_of("messages", 2) == await installation.fold("messages")


async def test_only_what_readers_do_not_see_can_be_dropped(installation: Installation) -> None:
    await installation.happen(50)
    async with installation.working():
        await installation.until_shown("messages")
        await installation.replay()
        for number in (2, 7):
            with pytest.raises(NotStandingBy, match="readers see it, or it is not there"):
                await run_drop(installation.url, MESSAGES, number)
        for _ in range(2):  # whoever was killed between doing it and saying so does it again
            await run_drop(installation.url, MESSAGES, 1)
        assert await installation.admin.fetchval(SCHEMAS, "messages_v1_g1") == 0
        await installation.happen(20)
        await installation.until_applied("messages", 2)
    assert [(one["generation"], one["status"]) for one in await list_generations(installation.url, "messages")] == [
        (2, "live")
    ]


async def test_a_plan_says_what_would_be_done_and_does_nothing(installation: Installation) -> None:
    await installation.happen(100)
    async with installation.working():
        await installation.until_shown("messages")
    sentence = await plan_sentence(installation.url, Plan(MESSAGES, jobs=2))
    assert sentence == (
        f"Would build a new generation from {installation.events_of('messages')} events of "
        "mimo.messages, mimo.users, with 2 processes, and show it to readers."
    )
    assert await installation.admin.fetchval(STATUSES, "messages") == ["live"]


async def _truth(found: bool) -> bool:
    return found
