"""Every process is in the list of processes while it is there, says what is not ready, and is never held up by it."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from importlib.metadata import version
from pathlib import Path

import asyncpg
import orjson
import pytest
import pytest_asyncio

from infra.embedded_postgres import EmbeddedPostgres
from infra.postgres import Role, pool
from infra.presence import Presence, present
from mimo.status import read_status
from tests.beside import beside
from tests.command_api import school
from tests.integration.query_client import query_client
from tests.integration.test_projector_process import projector
from tests.ports import free_port
from tests.until import until_answer

ROOT = Path(__file__).parents[2]
APPLICATION = "test-presence"
QUICKLY = 0.05
FOUND = "select count(*) from read.process where part = $1"
INSERTED = """
insert into operations.process (id, part, host, pid, version, started_at, told_at, not_ready)
values (gen_random_uuid(), $1, 'h', 1, '1', now(), now() - $2::text::interval, '[]')"""
CONNECTED = "select count(*) from pg_stat_activity where application_name = $1"
CUT_OFF = "select count(pg_terminate_backend(pid)) from pg_stat_activity where application_name = $1"


async def ready() -> list[dict[str, str]]:
    return []


@pytest_asyncio.fixture(loop_scope="session")
async def owner(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(database_url)
    try:
        yield connection
    finally:
        await connection.close()


@asynccontextmanager
async def lending(url: str, role: Role = Role.QUERY) -> AsyncIterator[asyncpg.Pool]:
    async with pool(url, application=APPLICATION, role=role, min_size=0, max_size=1) as opened:
        yield opened


async def until_told_again(owner: asyncpg.Connection, presence: Presence) -> None:
    """Until a telling began and ended that had not begun before."""
    for _ in range(2):
        before = await owner.fetchval("select told_at from read.process where id = $1", presence.id)
        later = "select coalesce((select told_at from read.process where id = $1) > $2, false)"
        await until_answer(owner, later, True, presence.id, before)


@pytest.mark.parametrize("role", list(Role))
async def test_whoever_it_is_tells_all_about_itself_and_takes_its_row_away(
    database_url: str, owner: asyncpg.Connection, role: Role
) -> None:
    async with lending(database_url, role) as lent, present(lent, "relay", ready):
        await until_answer(owner, FOUND, 1, "relay")
        row = await owner.fetchrow("select *, now() - started_at < interval '1 minute' as young from read.process")
        assert (row["host"], row["pid"], row["version"]) == (socket.gethostname(), os.getpid(), version("mimo"))
        assert row["young"]
        assert row["started_at"] <= row["told_at"]
        assert orjson.loads(row["not_ready"]) == []
    assert await owner.fetchval(FOUND, "relay") == 0


async def test_it_tells_again_and_what_is_not_ready_then(database_url: str, owner: asyncpg.Connection) -> None:
    missing = [{"name": "log", "reason": "it is away"}]

    async def not_ready() -> list[dict[str, str]]:
        return missing

    async with lending(database_url) as lent:
        presence = Presence(lent, "query API", not_ready, tell_seconds=QUICKLY)
        async with beside(presence.run()):
            await until_answer(owner, "select not_ready -> 0 ->> 'reason' from read.process", "it is away")
            started = await owner.fetchval("select started_at from read.process")
            missing.clear()
            await until_answer(owner, "select not_ready::text from read.process", "[]")
            await until_told_again(owner, presence)
            assert await owner.fetchval("select started_at from read.process") == started


async def test_a_check_that_fails_ends_nothing(database_url: str, owner: asyncpg.Connection) -> None:
    asked = 0

    async def not_ready() -> list[dict[str, str]]:
        nonlocal asked
        asked += 1
        if asked < 3:
            raise LookupError("nothing is set up yet")
        return []

    async with (
        lending(database_url) as lent,
        beside(Presence(lent, "projector", not_ready, tell_seconds=QUICKLY).run()),
    ):
        await until_answer(owner, FOUND, 1, "projector")
    assert asked >= 3


async def test_it_comes_back_after_the_database_was_away(
    database_url: str, owner: asyncpg.Connection, postgres_server: EmbeddedPostgres
) -> None:
    asked = asyncio.Semaphore(0)

    async def not_ready() -> list[dict[str, str]]:
        asked.release()
        return []

    name = await owner.fetchval("select current_database()")
    elsewhere = await asyncpg.connect(postgres_server.url("postgres"))
    try:
        async with lending(database_url) as lent:
            presence = Presence(lent, "projector", not_ready, tell_seconds=QUICKLY)
            async with beside(presence.run()) as task:
                await until_answer(owner, FOUND, 1, "projector")
                await elsewhere.execute(f'alter database "{name}" allow_connections false')
                await owner.fetchval(CUT_OFF, APPLICATION)
                await until_answer(owner, CONNECTED, 0, APPLICATION)
                await owner.execute("delete from operations.process")
                while asked.locked() is False:
                    await asked.acquire()
                for _ in range(3):  # it asks before it tries; the third time two tries have failed
                    await asked.acquire()
                assert not task.done()
                assert await owner.fetchval(FOUND, "projector") == 0
                await elsewhere.execute(f'alter database "{name}" allow_connections true')
                await until_answer(owner, FOUND, 1, "projector")
    finally:
        await elsewhere.close()


async def test_a_database_that_hangs_does_not_hold_up_the_end(
    database_url: str, owner: asyncpg.Connection, postgres_server: EmbeddedPostgres
) -> None:
    waiting = "select count(*) from pg_stat_activity where application_name = $1 and wait_event_type = 'Lock'"
    elsewhere = await asyncpg.connect(postgres_server.url("postgres"))
    try:
        async with lending(database_url) as lent, owner.transaction():
            await owner.execute("lock table operations.process in access exclusive mode")
            async with asyncio.timeout(20), present(lent, "projector", ready):
                await until_answer(elsewhere, waiting, 1, APPLICATION)
    finally:
        await elsewhere.close()
    assert await owner.fetchval(FOUND, "projector") == 0


async def test_who_comes_along_removes_who_was_silent_for_an_hour(database_url: str, owner: asyncpg.Connection) -> None:
    await owner.execute(INSERTED, "command API", "61 minutes")
    await owner.execute(INSERTED, "relay", "59 minutes")
    async with lending(database_url) as lent, present(lent, "projector", ready):
        await until_answer(owner, FOUND, 0, "command API")
        parts = await owner.fetch("select part from read.process order by part")
        assert [row["part"] for row in parts] == ["projector", "relay"]


async def test_both_apis_are_in_the_list(database_url: str, owner: asyncpg.Connection) -> None:
    async with school(database_url):
        await until_answer(owner, FOUND, 1, "command API")
    assert await owner.fetchval(FOUND, "command API") == 0
    assert (await read_status(database_url)).processes == ()
    async with query_client(database_url):
        await until_answer(owner, "select not_ready -> 0 ->> 'name' from read.process", "freshness")
        (process,) = (await read_status(database_url)).processes
        assert (process.part, process.state, process.not_ready[0]["name"]) == ("query API", "unready", "freshness")
    assert await owner.fetchval(FOUND, "query API") == 0


async def test_a_killed_process_falls_silent_and_a_stopped_one_goes(
    database_url: str, owner: asyncpg.Connection
) -> None:
    with projector(database_url) as killed:
        await until_answer(owner, "select pid from read.process", killed.pid)
        killed.send_signal(signal.SIGKILL)
        killed.wait()
    last = await owner.fetchval("select told_at from read.process")
    with projector(database_url) as stopped:
        await until_answer(
            owner, "select count(*) from read.process where pid = $1 and told_at > $2", 1, stopped.pid, last
        )
        stopped.send_signal(signal.SIGTERM)
        stopped.wait()
    assert [tuple(row) for row in await owner.fetch("select pid, told_at from read.process")] == [(killed.pid, last)]


@contextmanager
def relay(url: str) -> Iterator[subprocess.Popen[bytes]]:
    """A relay whose Kafka is not there; killed at the end."""
    environment = {
        **os.environ,
        "MIMO_DATABASE_URL": url,
        "MIMO_KAFKA_BOOTSTRAP": f"127.0.0.1:{free_port()}",
        "MIMO_RELAY_PORT": str(free_port()),
        "MIMO_LOG_LEVEL": "error",
    }
    with subprocess.Popen([sys.executable, "-m", "infra.relay"], env=environment, cwd=ROOT) as process:
        try:
            yield process
        finally:
            process.kill()


async def test_a_relay_without_kafka_says_that_it_is_not_ready(database_url: str, owner: asyncpg.Connection) -> None:
    with relay(database_url):
        await until_answer(owner, "select not_ready -> 0 ->> 'name' from read.process where part = 'relay'", "relay")
