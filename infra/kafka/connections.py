"""Has aiokafka's clients know all their connections, also those that are just being made, so that none is left behind.

aiokafka forgets the connection by which a client finds the cluster when the client is interrupted, or given up, while
the first answer is on its way: its reading task and its socket stay until the garbage collector meets them, which
complains. One that is being made while the client is closed is closed by nobody. This reaches into aiokafka's private
parts: tests/integration/test_kafka_clients.py tells when a new version changed them. It must not know what is asked.
"""

# ruff: noqa: SLF001 - there is no public way

from __future__ import annotations

import asyncio
from contextvars import ContextVar
from typing import Any

from aiokafka import client as clients
from aiokafka.client import AIOKafkaClient
from aiokafka.conn import AIOKafkaConnection

_making: ContextVar[set[Connection] | None] = ContextVar("making", default=None)
"""Where the connection that is being made is to be kept."""


def know_connections(client: AIOKafkaClient) -> KnowingClient:
    """Has a client that has not begun yet know its connections.

    Args:
        client: as a consumer, a producer or an admin client of aiokafka has made it; it is changed.
    """
    clients.create_conn = _create_connection
    client.__class__ = KnowingClient
    knowing: KnowingClient = client
    knowing.made = set()
    knowing.letting_go = False
    return knowing


class KnowingClient(AIOKafkaClient):  # type: ignore[misc]
    """aiokafka's client, which can be closed so that nothing is left of it.

    Attributes:
        made: the connections of which something is left.
        letting_go: whether it makes no connections any more.
    """

    made: set[Connection]
    letting_go: bool

    async def bootstrap(self) -> None:
        """As aiokafka does."""
        before = _making.set(self.made)
        try:
            await super().bootstrap()
        finally:
            _making.reset(before)

    async def _get_conn(self, *node: Any, **options: Any) -> Any:
        if self.letting_go:
            return None
        before = _making.set(self.made)
        try:
            return await super()._get_conn(*node, **options)
        finally:
            _making.reset(before)

    def cut(self) -> None:
        """Cuts all connections, so that closing does not wait until a frozen broker has read what was sent."""
        self.letting_go = True
        for connection in self.made:
            connection.transport.abort()

    async def close(self) -> None:
        """Closes the client; when it returns there is no task and no socket of it."""
        self.cut()
        await super().close()
        self.cut()  # what was made meanwhile
        for connection in tuple(self.made):
            connection.close()
            await asyncio.wait((connection.reading, connection._closed_fut))


class Connection(AIOKafkaConnection):  # type: ignore[misc]
    """aiokafka's connection; from its first moment on until nothing is left of it, it is kept where it belongs.

    Attributes:
        transport: what it sends through.
        reading: the task that reads answers.
    """

    transport: asyncio.Transport
    reading: asyncio.Task[None]

    def _create_reader_task(self) -> asyncio.Task[None]:
        self.transport = self._writer.transport
        self.reading = super()._create_reader_task()
        if (made := _making.get()) is not None:
            made.add(self)
            self._closed_fut.add_done_callback(lambda _: made.discard(self))
        return self.reading


async def _create_connection(host: str, port: int, **options: Any) -> Connection:
    connection = Connection(host, port, **options)
    await connection.connect()
    return connection
