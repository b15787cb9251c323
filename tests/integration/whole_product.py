"""Commands, log, projections and queries as they are, in one process, and somebody who uses them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx2

from infra.relay.app import new_relay
from infra.tokens import token_verifier
from projectors.app import new_projector
from query_api.app import new_query_api
from tests.command_api import Person, School, school

WAIT = "wait=10"


@dataclass
class Whole:
    """All three applications."""

    commands: School
    queries: httpx2.AsyncClient

    async def reads(self, person: Person | None, path: str, *bookmarks: str) -> httpx2.Response:
        """Reads as somebody, who knows some bookmarks."""
        headers = {"prefer": WAIT}
        if person is not None:
            headers["authorization"] = f"Bearer {person.access_token}"
        if bookmarks:
            headers["mimo-bookmark"] = ", ".join(bookmarks)
        return await self.queries.get(path, headers=headers)

    async def sees(self, person: Person | None, path: str, *bookmarks: str) -> Any:
        """What somebody reads, which must be there."""
        answer = await self.reads(person, path, *bookmarks)
        assert answer.status_code == 200, answer.text
        return answer.json()


@asynccontextmanager
async def whole(database_url: str, **settings: Any) -> AsyncIterator[Whole]:
    """Runs all three on a database, in Kafka mode with the relay, and waits until the views can be read."""
    async with school(database_url, rate_limits="off", **settings) as commands, AsyncExitStack() as beside:
        if commands.settings.kafka_bootstrap is not None:
            relay = new_relay(commands.settings)
            await beside.enter_async_context(relay.router.lifespan_context(relay))
        projector = new_projector(commands.settings)
        queries = new_query_api(commands.settings, token_verifier(commands.settings))
        transport = httpx2.ASGITransport(app=queries, raise_app_exceptions=False)
        async with (
            projector.router.lifespan_context(projector),
            queries.router.lifespan_context(queries),
            httpx2.AsyncClient(transport=transport, base_url="http://query") as client,
        ):
            async with asyncio.timeout(30):
                while (await client.get("/readyz")).status_code != 200:
                    continue
            yield Whole(commands, client)
