"""A client of Kafka may be closed at any moment: no task, no socket and no outcome of it is left behind."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from typing import Any, NamedTuple

import psutil
import pytest
import pytest_asyncio
from aiokafka.cluster import ClusterMetadata

from infra.kafka.clients import consumer
from infra.kafka.cluster import AWAY, Cluster
from infra.kafka.topics import administration
from infra.relay.publisher import KafkaPublisher
from infra.relay.trouble import Unsettled
from infra.settings import KafkaSecurity
from tests.held_back import Door, crowded_door, holding_door
from tests.integration.one_relay import until

ANSWERS = 7
"""More than the busiest of the clients has had when it has started: for each of three connections two."""


@asynccontextmanager
async def reader(cluster: Cluster) -> AsyncIterator[None]:
    async with consumer(cluster, "test") as reader:
        await reader.topics()
        yield


@asynccontextmanager
async def administrator(cluster: Cluster) -> AsyncIterator[None]:
    async with administration(cluster) as admin:
        await admin.describe_topics()
        yield


@asynccontextmanager
async def producer(cluster: Cluster) -> AsyncIterator[None]:
    publisher = KafkaPublisher(cluster, {})
    try:
        await publisher.start()
        yield
    finally:
        await publisher.drop()


Open = Callable[[Cluster], AbstractAsyncContextManager[Any]]
CLIENTS: Sequence[Open] = (reader, administrator, producer)


@pytest.fixture(params=CLIENTS, ids=lambda client: client.__name__)
def opened(request: pytest.FixtureRequest) -> Open:
    found: Open = request.param
    return found


@pytest_asyncio.fixture(loop_scope="session")
async def told() -> AsyncIterator[list[Mapping[str, Any]]]:
    """What the event loop was told of that nobody looked after."""
    loop, contexts = asyncio.get_running_loop(), list[Mapping[str, Any]]()
    loop.set_exception_handler(lambda _, context: contexts.append(context))
    yield contexts
    loop.set_exception_handler(None)


class Use:
    """A client that is opened and kept open, in a task of its own."""

    def __init__(self, opened: AbstractAsyncContextManager[Any]) -> None:
        gc.collect()
        self.before = asyncio.all_tasks(), sockets()
        self.started = False
        self._opened = opened
        self.task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        async with self._opened:
            self.started = True
            await asyncio.Event().wait()

    async def nothing_is_left(self, told: list[Mapping[str, Any]], *ports: int) -> None:
        """Once the task has ended, without any turn of the loop in between."""
        await asyncio.wait((self.task,))
        left = asyncio.all_tasks() - self.before[0], {one for one in sockets() - self.before[1] if one.to in ports}
        del self.task, self._opened  # and with it the traceback, which holds what would be collected
        gc.collect()
        await asyncio.sleep(0)
        assert (*left, told) == (set(), set(), [])


@pytest.mark.parametrize("turns", range(6))
async def test_closed_before_anything_was_asked(
    opened: Open, turns: int, kafka_server: str, told: list[Mapping[str, Any]]
) -> None:
    using = Use(opened(Cluster(kafka_server, prefix="clients.")))
    for _ in range(turns):
        await asyncio.sleep(0)
    using.task.cancel()
    await using.nothing_is_left(told, port_of(kafka_server))


async def test_closed_while_it_connects(opened: Open, told: list[Mapping[str, Any]]) -> None:
    with crowded_door() as port:
        crowd = connecting(port)
        using = Use(opened(Cluster(f"127.0.0.1:{port}", prefix="clients.")))
        await until(lambda: connecting(port) - crowd, "it connects")
        using.task.cancel()
        await using.nothing_is_left(told, port)


async def test_closed_while_it_shakes_hands(opened: Open, told: list[Mapping[str, Any]]) -> None:
    with holding_door() as door:
        using = Use(opened(Cluster(door.address, prefix="clients.", security=KafkaSecurity.SSL)))
        await until(lambda: door.held, "it shakes hands")
        using.task.cancel()
        await using.nothing_is_left(told, door.port)


@pytest.mark.parametrize("answers", range(ANSWERS))
async def test_closed_while_a_request_is_out(
    opened: Open, answers: int, kafka_server: str, told: list[Mapping[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    with holding_door(kafka_server, answers) as door:
        all_through(door, monkeypatch)
        using = Use(opened(Cluster(door.address, prefix="clients.")))
        await until(lambda: door.held or using.started, "it asks, or has all that it needs")
        using.task.cancel()
        await using.nothing_is_left(told, door.port)


async def test_given_up_while_a_request_is_out(
    opened: Open, kafka_server: str, told: list[Mapping[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("clients", "topics"):
        monkeypatch.setattr(f"infra.kafka.{module}.PATIENCE_SECONDS", 0.3)
    monkeypatch.setattr("infra.relay.publisher.PATIENCE_SECONDS", 0.3)
    with holding_door(kafka_server, 1) as door:
        using = Use(opened(Cluster(door.address, prefix="clients.")))
        with suppress(Unsettled, *AWAY):
            await using.task
            raise AssertionError("it began without an answer")
        await using.nothing_is_left(told, door.port)


async def test_closed_when_it_has_started(opened: Open, kafka_server: str, told: list[Mapping[str, Any]]) -> None:
    using = Use(opened(Cluster(kafka_server, prefix="clients.")))
    await until(lambda: using.started, "it starts")
    using.task.cancel()
    await using.nothing_is_left(told, port_of(kafka_server))


def port_of(address: str) -> int:
    return int(address.rpartition(":")[2])


class Socket(NamedTuple):
    """One of this process's sockets, by the ports that it connects, and whether it is connected yet."""

    at: int
    to: int
    status: str


def sockets() -> set[Socket]:
    found = psutil.Process().net_connections("tcp")
    return {Socket(one.laddr.port, one.raddr.port, one.status) for one in found if one.raddr}


def connecting(port: int) -> set[Socket]:
    return {one for one in sockets() if one.to == port and one.status == psutil.CONN_SYN_SENT}


def all_through(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    """Has clients find every broker behind the door, whatever the cluster tells them."""
    find = ClusterMetadata.broker_metadata
    monkeypatch.setattr(
        ClusterMetadata,
        "broker_metadata",
        lambda known, node: (found := find(known, node)) and found._replace(port=door.port),
    )
