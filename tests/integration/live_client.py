"""The query API behind a real server in this process, beside a command API, and clients of its live updates."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import uvicorn
import websockets
from websockets.asyncio.client import ClientConnection, connect

from infra.tokens import token_verifier
from infra.web.server import WEBSOCKETS
from query_api.app import new_query_api
from query_api.live.frames import SUBPROTOCOL
from tests.command_api import Person, School, school

ANSWER_SECONDS = 30
ASIDE = frozenset(("ping", "yours", "typing", "presence"))
"""What may come at any time between what is told in order."""


@dataclass
class Ear:
    """A client that keeps what it was told.

    Attributes:
        socket: its connection.
        seqs: by channel, the seq of every event, as they came.
        here: who is in the channel that was asked for, as far as it was told.
    """

    socket: ClientConnection
    seqs: dict[str, list[int]] = field(default_factory=dict)
    here: set[str] = field(default_factory=set)

    async def says(self, **message: Any) -> None:
        """Sends a message."""
        await self.socket.send(json.dumps(message))

    async def hears(self, kind: str | None = None) -> dict[str, Any]:
        """The next message of a kind; without one, the next that does not come at any time."""
        async with asyncio.timeout(ANSWER_SECONDS):
            while True:
                told = await self.told()
                if told["type"] == kind or (kind is None and told["type"] not in ASIDE):
                    return told

    async def events(self, number: int) -> list[dict[str, Any]]:
        """So many events; nothing else may come in between."""
        found = [await self.hears() for _ in range(number)]
        assert {told["type"] for told in found} <= {"event"}, found
        return found

    async def until(self, kind: str) -> dict[str, Any]:
        """Hears events until something of this kind comes."""
        while (told := await self.hears())["type"] != kind:
            assert told["type"] == "event", told
        return told

    async def until_seq(self, channel_id: str, seq: int) -> None:
        """Hears events until this one of a channel has come."""
        while self.seqs.get(channel_id, [0])[-1] < seq:
            await self.hears("event")

    async def subscribes(self, channel_id: str, after_seq: int = 0, **also: Any) -> dict[str, Any]:
        """Subscribes; answers what it is told."""
        await self.says(type="subscribe", channel_id=channel_id, after_seq=after_seq, **also)
        return await self.hears()

    async def closed(self) -> tuple[int, str]:
        """Waits for the end: the code and the reason."""
        async with asyncio.timeout(ANSWER_SECONDS):
            with suppress(websockets.ConnectionClosed):
                while True:
                    await self.told()
        assert self.socket.close_code is not None
        return self.socket.close_code, self.socket.close_reason or ""

    async def told(self) -> dict[str, Any]:
        """The very next message."""
        told: dict[str, Any] = json.loads(await self.socket.recv())
        if told["type"] == "event":
            self.seqs.setdefault(told["channel_id"], []).append(told["seq"])
        return told


@dataclass
class Listening:
    """A command API, and a query API that can be connected to.

    Attributes:
        commands: the command API.
        address: of the query API, `ws://…`.
        live: what the query API serves listeners with.
    """

    commands: School
    address: str
    live: Any

    @asynccontextmanager
    async def stranger(self, **options: Any) -> AsyncIterator[Ear]:
        """Somebody who has not said who they are."""
        async with connect(f"{self.address}/v1/live", subprotocols=[SUBPROTOCOL], **options) as socket:  # type: ignore[list-item]
            yield Ear(socket)

    @asynccontextmanager
    async def ear_of(self, person: Person, **options: Any) -> AsyncIterator[Ear]:
        """Somebody who has."""
        async with self.stranger(**options) as ear:
            await ear.says(type="auth", token=person.access_token)
            assert (await ear.hears())["type"] == "ready"
            yield ear


@asynccontextmanager
async def listening(database_url: str, **settings: Any) -> AsyncIterator[Listening]:
    """Runs both."""
    async with school(database_url, rate_limits="off", **settings) as commands, another(commands) as found:
        yield found


@asynccontextmanager
async def another(commands: School) -> AsyncIterator[Listening]:
    """Runs a query API beside a command API."""
    app = new_query_api(commands.settings, token_verifier(commands.settings))
    server = uvicorn.Server(
        uvicorn.Config(app, port=0, log_config=None, access_log=False, timeout_graceful_shutdown=1, **WEBSOCKETS)
    )
    running = asyncio.create_task(server.serve(), name="query API")
    while not server.started:
        await asyncio.wait([running], timeout=0.01)
        assert not running.done(), running.exception()
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield Listening(commands, f"ws://127.0.0.1:{port}", app.state.live)
    finally:
        server.should_exit = True
        await running
