"""The relay as it is started in production, under load: killed, frozen, doubled, and its broker killed and frozen."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import pytest
import pytest_asyncio

from infra.kafka.broker import LocalBroker
from infra.relay.election import LOCK
from tests.integration.one_relay import OneRelay, one_relay
from tests.integration.test_projector_process import asked, free_port
from tests.kafka import throw_away_broker
from tests.topics import until_topics_hold_the_log

ROOT = Path(__file__).parents[2]
PATIENCE_SECONDS = 60.0
WRITE_SECONDS = 0.02
STOP_SECONDS = 10.0
HOLDERS = """
    select count(*) from pg_locks where locktype = 'advisory' and granted and classid = $1::int::oid and objsubid = 2
    and database = (select oid from pg_database where datname = current_database())"""
ROUNDS = 3


@pytest.fixture(scope="module")
def broker() -> Iterator[LocalBroker]:
    """A broker of this module's own, to be killed and frozen."""
    with throw_away_broker() as broker:
        yield broker


@pytest_asyncio.fixture(loop_scope="session")
async def one(database_url: str, broker: LocalBroker) -> AsyncIterator[OneRelay]:
    async with one_relay(database_url, broker.bootstrap) as one:
        yield one


class Process:
    """A relay in a process of its own."""

    def __init__(self, one: OneRelay) -> None:
        self.port = free_port()
        self._environment = {
            **os.environ,
            "MIMO_DATABASE_URL": one.url,
            "MIMO_KAFKA_BOOTSTRAP": one.cluster.bootstrap,
            "MIMO_KAFKA_PREFIX": one.cluster.prefix,
            "MIMO_RELAY_PORT": str(self.port),
            "MIMO_LOG_LEVEL": "error",
        }
        self._process = self._begin()

    def _begin(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen([sys.executable, "-m", "infra.relay"], env=self._environment, cwd=ROOT)

    def begin_again(self) -> None:
        self._process = self._begin()

    def send(self, signum: signal.Signals) -> None:
        self._process.send_signal(signum)
        if signum is signal.SIGKILL:
            self._process.wait()

    def state(self) -> str:
        """What it is doing, as its metrics tell; nothing while it does not answer."""
        _, metrics = asked(self.port, "/metrics")
        active = [
            line for line in metrics.splitlines() if line.startswith("mimo_relay_state{") and line.endswith(" 1.0")
        ]
        return active[0].split('"')[1] if active else ""

    def lag(self) -> float:
        """How many events wait to be published, as its metrics tell."""
        _, metrics = asked(self.port, "/metrics")
        told = [line for line in metrics.splitlines() if line.startswith("mimo_relay_lag_events ")]
        return float(told[0].split()[1]) if told else 0.0

    def is_ready(self) -> bool:
        return asked(self.port, "/readyz")[0] == 200

    def wait(self) -> int:
        return self._process.wait(STOP_SECONDS)

    def end(self) -> None:
        self._process.kill()
        self._process.wait()


@contextmanager
def relays(one: OneRelay, number: int) -> Iterator[list[Process]]:
    """Relay processes, killed at the end."""
    processes = [Process(one) for _ in range(number)]
    try:
        yield processes
    finally:
        for process in processes:
            process.end()


@asynccontextmanager
async def load(one: OneRelay) -> AsyncIterator[None]:
    """Appends a few events every few milliseconds until the block ends."""
    enough = asyncio.Event()

    async def write() -> None:
        while not enough.is_set():
            await one.write(10)
            await asyncio.sleep(WRITE_SECONDS)

    writing = asyncio.create_task(write())
    try:
        yield
    finally:
        enough.set()
        await writing


async def until(condition: Callable[[], object], what: str) -> None:
    """Asks again and again, without holding the test's loop up."""
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not await asyncio.to_thread(condition):  # noqa: ASYNC110 - it is another process's
                await asyncio.sleep(0.02)
    except TimeoutError:
        raise AssertionError(f"not within {PATIENCE_SECONDS:g} s: {what}") from None


async def ensure_copied(one: OneRelay) -> None:
    await until_topics_hold_the_log(one.url, one.cluster, PATIENCE_SECONDS)


async def test_killed_relays_leave_no_gap_and_no_double(one: OneRelay) -> None:
    """Two of them; each time the active one is killed in the middle of its work, the other takes over."""
    chance = random.Random(7)
    with relays(one, 2) as processes:
        async with load(one):
            for _ in range(ROUNDS):
                await until(lambda: [p for p in processes if p.state() == "active"], "one is active")
                active = next(p for p in processes if p.state() == "active")
                await asyncio.sleep(chance.uniform(0.1, 0.5))  # somewhere in the middle
                active.send(signal.SIGKILL)
                active.begin_again()
        await ensure_copied(one)
        await until(lambda: all(p.is_ready() for p in processes), "one is active, the other stands by")
        assert sorted(p.state() for p in processes) == ["active", "standby"]


async def test_a_relay_frozen_until_another_took_over_changes_nothing_when_it_wakes(one: OneRelay) -> None:
    with relays(one, 2) as processes:
        async with load(one):
            await until(lambda: sorted(p.state() for p in processes) == ["active", "standby"], "both are up")
            frozen, other = sorted(processes, key=lambda p: p.state())
            frozen.send(signal.SIGSTOP)
            await until(lambda: other.state() == "active", "the other takes over")
            frozen.send(signal.SIGCONT)
            await until(lambda: frozen.state() == "standby", "the frozen one stands by")
            assert other.state() == "active"
            assert await one.admin.fetchval(HOLDERS, LOCK[0]) == 1
        await ensure_copied(one)


async def test_a_broker_killed_in_mid_transaction_leaves_no_gap_and_no_double(
    one: OneRelay, broker: LocalBroker
) -> None:
    chance = random.Random(11)
    with relays(one, 1) as (process,):
        async with load(one):
            for _ in range(2):
                await until(process.is_ready, "it is ready")
                await asyncio.sleep(chance.uniform(0.1, 0.5))
                running = broker.process()
                assert running is not None
                running.kill()
                await until(lambda: not process.is_ready(), "it says that Kafka is away")
                assert "Kafka" in asked(process.port, "/readyz")[1]
                await until(lambda: process.lag() > 0, "it says how much waits")
                broker.start()  # in this thread: the broker ends with the one that starts it
        await ensure_copied(one)
        await until(process.is_ready, "it is ready again")
        await until(lambda: process.lag() == 0, "nothing waits")


async def test_a_frozen_broker_is_given_up_and_nothing_is_left_of_the_producers(
    one: OneRelay, broker: LocalBroker
) -> None:
    """In this process, so that a forgotten task, socket or outcome would be an error."""
    async with one.running() as relay:
        async with load(one):
            await one.until_copied()
            running = broker.process()
            assert running is not None
            running.suspend()
            try:
                await until(lambda: "Kafka" in (one.progress.unready() or ""), "it says that Kafka is away")
                tasks = len(asyncio.all_tasks())
                await asyncio.wait((relay,), timeout=8)  # it tries once or twice more
                assert len(asyncio.all_tasks()) < tasks + 10
            finally:
                running.resume()
        await ensure_copied(one)


def test_without_a_cluster_it_says_what_is_missing(database_url: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "infra.relay"],
        env={**os.environ, "MIMO_DATABASE_URL": database_url},
        cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.strip().startswith("MIMO_KAFKA_BOOTSTRAP is not set")


async def test_it_ends_within_moments_and_leaves_a_last_note(one: OneRelay) -> None:
    await one.write(50)
    with relays(one, 1) as (process,):
        await until(process.is_ready, "it is ready")
        await ensure_copied(one)
        process.send(signal.SIGTERM)
        assert await asyncio.to_thread(process.wait) in (0, -signal.SIGTERM)
    assert await one.admin.fetchval("select position from log.relay") == len(one.log.events)
