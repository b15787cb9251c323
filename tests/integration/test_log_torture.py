"""Several processes append while they and PostgreSQL are killed and frozen, and a reader follows.

MIMO_TORTURE_ROUNDS=200 python -m pytest tests/integration/test_log_torture.py
"""

import asyncio
import os
import random
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from uuid import UUID

import asyncpg
import pytest

from infra.embedded_postgres import EmbeddedPostgres
from infra.event_store import open_event_store
from infra.postgres import AWAY
from tests.integration.log_commands import open_channel, register
from tests.postgres import make_template, throw_away_server

ROUNDS = int(os.environ.get("MIMO_TORTURE_ROUNDS", "8"))
WRITERS = 3
MESSAGES_BETWEEN_FAULTS = 300
PROGRESS_SECONDS = 30.0
"""A round that makes no progress for so long has failed; the time-outs add up to much less."""


class Writers:
    """The writer processes; each fault replaces or wakes what it hit."""

    def __init__(self, url: str, folder: Path, channel: UUID, author: UUID) -> None:
        self._arguments = (str(channel), str(author))
        self._url = url
        self._folder = folder
        self._started = 0
        self.running: list[asyncio.subprocess.Process] = []

    async def start(self) -> None:
        self._started += 1
        name = f"w{self._started}"
        self.running.append(
            await asyncio.create_subprocess_exec(
                sys.executable, "-m", "tests.integration.torture_writer", self._url, str(self._folder / name), name,
                *self._arguments, stderr=asyncio.subprocess.DEVNULL,
            )
        )  # fmt: skip

    async def kill(self, process: asyncio.subprocess.Process) -> None:
        if process.returncode is None:
            process.kill()
        await process.wait()
        self.running.remove(process)

    async def stop(self) -> None:
        for process in list(self.running):
            await self.kill(process)

    def acknowledged(self) -> dict[str, int]:
        """Texts and positions, from all journals."""
        lines = [line for path in self._folder.glob("w*") for line in path.read_text().splitlines()]
        assert len(set(lines)) == len(lines)
        return {text: int(position) for text, position in (line.split() for line in lines)}


class Tailer:
    """Follows the log by position, as every reader does, over restarts of the server."""

    def __init__(self, url: str) -> None:
        self._url = url
        self.position = 0
        self.seen: list[UUID] = []
        self._moved = asyncio.Event()

    async def follow(self) -> None:
        while True:
            try:
                connection = await asyncpg.connect(self._url)
                try:
                    while True:
                        await self._read(connection)
                finally:
                    connection.terminate()
            except AWAY:
                await asyncio.sleep(0.02)  # back-off while the server is away

    async def _read(self, connection: asyncpg.Connection) -> None:
        rows = await connection.fetch(
            "select position, id from log.event where position > $1 order by position limit 1000", self.position
        )
        assert [row["position"] for row in rows] == list(range(self.position + 1, self.position + 1 + len(rows)))
        self.seen += [row["id"] for row in rows]
        self.position += len(rows)
        self._moved.set()
        if not rows:
            await asyncio.sleep(0.005)  # a poll

    async def advance(self, events: int) -> None:
        """Waits until so many more events were read."""
        await self.reach(self.position + events)

    async def reach(self, position: int) -> None:
        """Waits until it has read up to a position."""
        async with asyncio.timeout(PROGRESS_SECONDS):
            while self.position < position:
                self._moved.clear()
                await self._moved.wait()


@contextmanager
def own_server() -> Iterator[EmbeddedPostgres]:
    with throw_away_server(durable=True) as server:
        yield server


@asynccontextmanager
async def tailing(url: str) -> AsyncIterator[Tailer]:
    tailer = Tailer(url)
    task = asyncio.create_task(tailer.follow())
    try:
        yield tailer
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@asynccontextmanager
async def held_open(url: str) -> AsyncIterator[None]:
    """An old snapshot and an unrelated writing transaction, open the whole time (until a fault ends them)."""
    old, unrelated = await asyncpg.connect(url), await asyncpg.connect(url)
    await old.execute("begin isolation level repeatable read; select count(*) from log.event")
    await unrelated.execute("create table if not exists unrelated (x int); begin; insert into unrelated values (1)")
    try:
        yield
    finally:
        old.terminate()
        unrelated.terminate()


async def fault(kind: str, writers: Writers, tailer: Tailer, server: EmbeddedPostgres, chance: random.Random) -> None:
    assert server.process is not None
    victim = chance.choice(writers.running)
    if kind == "kill writer":
        await writers.kill(victim)
        await writers.start()
    elif kind == "freeze writer":
        victim.send_signal(signal.SIGSTOP)
        await tailer.advance(MESSAGES_BETWEEN_FAULTS)  # the others go on
        victim.send_signal(signal.SIGCONT)
    elif kind == "kill server":
        server.process.kill()
        await asyncio.to_thread(server.process.wait)
        await asyncio.to_thread(server.start)
    else:
        server.process.send_signal(signal.SIGSTOP)  # no new connections; sessions go on
        await tailer.advance(MESSAGES_BETWEEN_FAULTS)
        server.process.send_signal(signal.SIGCONT)


KINDS = ("kill writer", "freeze writer", "kill server", "freeze server")


@pytest.mark.parametrize("seed", [1])
async def test_nothing_is_lost_doubled_or_out_of_order(tmp_path: Path, seed: int) -> None:
    with own_server() as server:
        await make_template(server, "torture")
        url = server.url("torture")
        async with open_event_store(url) as store:
            author = await register(store)
            writers = Writers(url, tmp_path, await open_channel(store, author), author)
        async with tailing(url) as tailer:
            try:
                await rounds(url, writers, tailer, server, random.Random(seed))
            finally:
                await writers.stop()
            await compare(url, writers.acknowledged(), tailer)


async def rounds(url: str, writers: Writers, tailer: Tailer, server: EmbeddedPostgres, chance: random.Random) -> None:
    for _ in range(WRITERS):
        await writers.start()
    for number in range(ROUNDS):
        async with held_open(url):
            await tailer.advance(MESSAGES_BETWEEN_FAULTS)
            await fault(KINDS[number % len(KINDS)], writers, tailer, server, chance)
            await tailer.advance(MESSAGES_BETWEEN_FAULTS)


async def compare(url: str, acknowledged: dict[str, int], tailer: Tailer) -> None:
    """The log against what was acknowledged and what the tailer saw."""
    connection = await asyncpg.connect(url)
    rows = await connection.fetch("select position, id, type from log.event order by position")
    keys = await connection.fetch("select key, event_ids from log.idempotency")
    await connection.close()
    await tailer.reach(len(rows))
    assert [row["id"] for row in rows] == tailer.seen
    positions = {row["id"]: row["position"] for row in rows}
    stored = {row["key"]: positions[row["event_ids"][0]] for row in keys}
    assert len(stored) == sum(row["type"] == "MessageSent" for row in rows)  # one event a key: none twice
    assert {text: stored[text] for text in acknowledged} == acknowledged
    assert len(acknowledged) > ROUNDS * MESSAGES_BETWEEN_FAULTS
