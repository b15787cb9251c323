"""The projector process as it is started in production: killed, frozen, doubled, and asked how it is."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from events.enrollments import Enrolled, Unenrolled
from events.messages import ChannelOpened, MessageSent
from events.users import UserRegistered
from infra.ids import new_id
from projectors.views import PROJECTIONS
from tests.written_log import WrittenLog

PATIENCE_SECONDS = 40
ROOT = Path(__file__).parents[2]
APPLIED = """
    select coalesce(sum(p.applied), 0)::int from (
        select min(c."offset") as applied from projection.checkpoint c
        join projection.generation g using (projection, generation) where g.status = 'live'
        group by c.topic, c.partition) p"""
MESSAGES = "select channel_id, seq, number, message_id, text from read.messages_v1 order by channel_id, seq"


@contextmanager
def projector(url: str, port: int = 0, **more: str) -> Iterator[subprocess.Popen[bytes]]:
    """A projector process, with more settings in its environment; killed at the end."""
    environment = {
        **os.environ,
        **more,
        "MIMO_DATABASE_URL": url,
        "MIMO_PROJECTOR_PORT": str(port),
        "MIMO_LOG_LEVEL": "warning",
    }
    with subprocess.Popen([sys.executable, "-m", "projectors"], env=environment, cwd=ROOT) as process:
        try:
            yield process
        finally:
            process.kill()


@asynccontextmanager
async def administrator(url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(url)
    try:
        yield connection
    finally:
        await connection.close()


async def until(connection: asyncpg.Connection, question: str, wanted: int) -> None:
    """Asks again until the answer is at least what is wanted."""
    answer = None
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while (answer := await connection.fetchval(question)) < wanted:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
    except TimeoutError:
        raise AssertionError(f"{answer} of {wanted}") from None


class Talk:
    """People in channels, with enough going on that a process can be killed in the middle of it."""

    def __init__(self) -> None:
        self.log = WrittenLog()
        self.rounds = 0
        self.people = [self.log.person() for _ in range(5)]
        self.channels: list[UUID] = [new_id() for _ in range(20)]
        for person in self.people:
            name = f"N{person}"
            self.log.add(UserRegistered(user_id=person, email_hmac=person.hex, email="a@b.org", display_name=name))
        for channel in self.channels:
            self.log.add(ChannelOpened(channel_id=channel, course_id=channel, owner_id=self.people[0], name="General"))

    def go_on(self, rounds: int) -> None:
        for number in range(self.rounds, self.rounds + rounds):
            for channel in self.channels:
                author = self.people[number % len(self.people)]
                self.log.add(MessageSent(channel_id=channel, author_id=author, text=f"{number}"))
                event = Unenrolled if number % 2 else Enrolled
                self.log.add(event(course_id=channel, user_id=author if number % 2 == 0 else self._earlier(number)))

        self.rounds += rounds

    def _earlier(self, number: int) -> UUID:
        return self.people[(number - 1) % len(self.people)]

    def wanted(self) -> list[tuple[Any, ...]]:
        sent = [event for event in self.log.events if event.type == "MessageSent"]
        return sorted((UUID(e.key), e.version, e.version - 1, e.id, str(e.version - 2)) for e in sent)


async def test_whatever_is_killed_nothing_is_missing_and_nothing_twice(database_url: str) -> None:
    talk = Talk()
    talk.go_on(150)
    await talk.log.store(database_url)
    async with administrator(database_url) as connection:
        for share in (0.2, 0.5, 0.8):
            with projector(database_url):
                await until(connection, APPLIED, int(len(talk.log.events) * share))
        with projector(database_url), projector(database_url):
            await until(connection, APPLIED, len(talk.log.events))
        assert [tuple(row) for row in await connection.fetch(MESSAGES)] == talk.wanted()
        assert await connection.fetchval("select count(*) from read.enrollments_v1") == 0
        assert await connection.fetchval("select count(*) from read.users_v1 where email = 'a@b.org'") == 5


async def test_a_frozen_process_holds_nothing_up_for_longer_than_its_time_out(database_url: str) -> None:
    talk = Talk()
    talk.go_on(2)
    await talk.log.store(database_url)
    async with administrator(database_url) as connection:
        with projector(database_url) as frozen:
            await until(connection, APPLIED, len(talk.log.events))
            with projector(database_url):
                frozen.send_signal(signal.SIGSTOP)
                talk.go_on(2)
                await talk.log.store(database_url)
                async with asyncio.timeout(15):
                    await until(connection, APPLIED, len(talk.log.events))
                frozen.send_signal(signal.SIGCONT)
                talk.go_on(2)
                await talk.log.store(database_url)
                await until(connection, APPLIED, len(talk.log.events))
        assert [tuple(row) for row in await connection.fetch(MESSAGES)] == talk.wanted()


async def test_another_history_gets_a_generation_of_its_own(database_url: str) -> None:
    talk = Talk()
    await talk.log.store(database_url)
    async with administrator(database_url) as connection:
        with projector(database_url):
            await until(connection, APPLIED, len(talk.log.events))
        await connection.execute("update log.installation set log_id = gen_random_uuid()")
        with projector(database_url):
            question = "select count(*) from projection.generation where status = 'live' and generation = 2"
            await until(connection, question, len(PROJECTIONS))
            await until(connection, APPLIED, len(talk.log.events))
        assert await connection.fetchval("select count(*) from read.channels_v1") == len(talk.channels)


async def test_it_tells_its_health_and_stops_promptly(database_url: str) -> None:
    port = free_port()
    with projector(database_url, port) as process:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while (await asyncio.to_thread(asked, port, "/readyz"))[0] != 200:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        assert (await asyncio.to_thread(asked, port, "/livez"))[0] == 200
        assert "mimo_projection_ready" in (await asyncio.to_thread(asked, port, "/metrics"))[1]
        process.send_signal(signal.SIGTERM)
        assert await asyncio.to_thread(process.wait, 5) in (0, -signal.SIGTERM)


async def test_without_the_tables_of_the_log_it_is_unready_and_says_so(postgres_server: Any) -> None:
    port = free_port()
    with projector(postgres_server.url("postgres"), port):
        status, body = 0, ""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while status != 503 or "backing off" not in body:
                status, body = await asyncio.to_thread(asked, port, "/readyz")
                await asyncio.sleep(0.05)
        assert {one["name"] for one in json.loads(body)["not_ready"]} == {one.name for one in PROJECTIONS}


@pytest.mark.parametrize("port", ["70000", "x"])
def test_nonsense_in_the_settings_is_a_sentence(port: str) -> None:
    environment = {**os.environ, "MIMO_PROJECTOR_PORT": port}
    done = subprocess.run(
        [sys.executable, "-m", "projectors"], env=environment, cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "MIMO_PROJECTOR_PORT" in done.stderr
    assert "Traceback" not in done.stderr


def asked(port: int, path: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
    except OSError:
        return 0, ""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
