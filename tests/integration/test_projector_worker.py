"""All projections together, on a log that mixes partitions on purpose; and how generations are born."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import suppress
from functools import partial

import asyncpg
import pytest_asyncio

from infra.event_log.membership import Pace
from infra.event_log.postgres import PostgresLog
from infra.postgres import Role, connect
from projectors.generations import followed
from projectors.views import PROJECTIONS
from tests.beside import projecting
from tests.property.test_projections import TABLES, School, model, rows, worded

PATIENCE_SECONDS = 30
APPLIED = 'select coalesce(sum("offset"), 0)::int from projection.checkpoint'


@pytest_asyncio.fixture(loop_scope="session")
async def admin(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


async def test_all_views_equal_the_fold_of_a_log_that_is_shuffled_on_the_way(
    database_url: str, admin: asyncpg.Connection
) -> None:
    school = School(random.Random(5), partitions=12)
    own = partial(connect, database_url, application="test-worker", role=Role.PROJECTOR)
    log = PostgresLog(own, pace=Pace(0.1, 1.0), poll_seconds=0.05, shuffle=random.Random(6))
    async with projecting(database_url, log):
        async with asyncio.timeout(PATIENCE_SECONDS):
            for _ in range(10):
                for _ in range(150):
                    school.happen()
                await school.log.store(database_url)
            consumed = sum(event.topic in p.topics for p in PROJECTIONS for event in school.log.events)
            while await admin.fetchval(APPLIED) < consumed:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
    for projection in PROJECTIONS:
        await admin.execute(f"set search_path = {projection.name}_v1_g1")
        found = {table: await rows(admin, table) for table in TABLES[projection.name]}
        assert found == await worded(admin, model(projection, school.log, school.log.ring))


async def test_processes_that_start_together_make_one_generation(database_url: str, admin: asyncpg.Connection) -> None:
    connections = [await connect(database_url, application="test", role=Role.PROJECTOR) for _ in range(5)]
    found = await asyncio.gather(*(followed(connection, PROJECTIONS[0]) for connection in connections))
    for connection in connections:
        await connection.close()
    assert len({generation for generations in found for generation in generations}) == 1
    assert await admin.fetchval("select count(*) from projection.generation") == 1


async def test_whichever_process_is_asked_says_where_another_one_stopped(
    database_url: str, admin: asyncpg.Connection
) -> None:
    own = partial(connect, database_url, application="test-worker", role=Role.PROJECTOR)
    for projection in PROJECTIONS:
        connection = await own()
        await followed(connection, projection)
        await connection.close()
    async with projecting(database_url) as worker:
        async with asyncio.timeout(PATIENCE_SECONDS):
            for name in ("courses", "messages"):
                while await worker.checks[name]() is not None:  # noqa: ASYNC110
                    await asyncio.sleep(0.01)  # asks again until it has caught up
        await admin.execute(
            "update projection.checkpoint set stopped = 'poison' where projection = 'courses' and partition = 7"
        )
        assert await worker.checks["courses"]() == "poison"
        assert await worker.checks["messages"]() is None


async def test_readers_see_the_views_and_nothing_else(database_url: str, admin: asyncpg.Connection) -> None:
    own = await connect(database_url, application="test", role=Role.PROJECTOR)
    for projection in PROJECTIONS:
        await followed(own, projection)
    await own.close()
    reader = await connect(database_url, application="test", role=Role.QUERY)
    names = [row[0] for row in await admin.fetch("select viewname from pg_views where schemaname = 'read'")]
    for name in names:
        assert await reader.fetch(f"select * from read.{name} limit 1") is not None
    assert await reader.fetchval("select has_schema_privilege('users_v1_g1', 'usage')") is False
    assert await reader.fetchval("select has_schema_privilege('projection', 'usage')") is False
    await reader.close()
    shown = {"users_v1", "courses_v1", "enrollments_v1", "enrollment_counts_v1", "messages_v1", "search_v1"}
    assert shown < set(names)


async def test_a_reader_in_the_way_of_a_switch_is_waited_for_only_shortly(
    database_url: str, admin: asyncpg.Connection
) -> None:
    own = await connect(database_url, application="test", role=Role.PROJECTOR)
    (first,) = await followed(own, PROJECTIONS[0])
    await admin.execute("update log.installation set log_id = gen_random_uuid()")
    async with admin.transaction():
        await admin.fetch("select * from read.users_v1")
        with suppress(asyncpg.LockNotAvailableError):
            await followed(own, PROJECTIONS[0])
            raise AssertionError("the switch went through a reader")
    (second,) = await followed(own, PROJECTIONS[0])
    await own.close()
    assert (first.number, second.number) == (1, 2)
