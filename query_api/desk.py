"""The operators' desk: who may come to it, and the connections over which its routes ask.

They are its own: operators see something when readers keep all others busy, and no reader waits behind a search of
theirs. It must not know what is asked.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any, cast

import asyncpg
from fastapi import Depends, FastAPI, Request
from pydantic import BaseModel

from events.errors import Forbidden, Overloaded
from infra.postgres import AWAY
from infra.web.answer import Ready
from infra.web.application import problems
from infra.web.auth import Authenticated
from query_api.reading import ACQUIRE_SECONDS
from query_api.routes.courses import is_admin
from query_api.wire import encoded

DESK_CONNECTIONS = 2
ASKING_SECONDS = 8.0
"""For all that one answer takes; its statements have limits of their own beside."""


class Desk:
    """Lends connections, each for a short while.

    Args:
        connections: nobody else uses them.
    """

    def __init__(self, connections: asyncpg.Pool) -> None:
        self._connections = connections
        self._searching = asyncio.Semaphore(DESK_CONNECTIONS - 1)

    @asynccontextmanager
    async def asking(self) -> AsyncIterator[asyncpg.Connection]:
        """A connection.

        Raises:
            Overloaded: the database is away, or slow.
        """
        try:
            async with (
                self._connections.acquire(timeout=ACQUIRE_SECONDS) as connection,
                asyncio.timeout(ASKING_SECONDS),
            ):
                yield connection
        except AWAY as error:
            raise Overloaded("The database does not answer now.") from error

    @asynccontextmanager
    async def searching(self) -> AsyncIterator[asyncpg.Connection]:
        """A connection for what may take a while; one is always left for what does not.

        Raises:
            Overloaded: the database is away, or slow, or others are searching.
        """
        try:
            async with asyncio.timeout(ACQUIRE_SECONDS):
                await self._searching.acquire()
        except TimeoutError:
            raise Overloaded("Others are searching now.") from None
        try:
            async with self.asking() as connection:
                yield connection
        finally:
            self._searching.release()


async def _come_in(request: Request, caller: Authenticated) -> Desk:
    """The desk, for admins."""
    if not is_admin(caller):
        raise Forbidden("Only admins may see this.")
    return cast("Desk", request.app.state.desk)


AtTheDesk = Annotated[Desk, Depends(_come_in)]


def shown(body: Any, *headers: tuple[bytes, bytes]) -> Ready:
    """An answer that nobody may keep: a moment later it is another."""
    return Ready(200, encoded(body), [(b"cache-control", b"no-store"), *headers])


def add_desk_route(app: FastAPI, path: str, endpoint: Any, shape: type[BaseModel], *codes: str) -> None:
    """Adds a route for operators.

    Args:
        app: the application.
        path: the path's template.
        endpoint: the coroutine function; its docstring is the documentation.
        shape: of the answer.
        codes: the problems that it can answer beside those that all of them can.
    """
    app.router.add_api_route(
        path, endpoint, response_model=shape, responses=problems("forbidden", *codes), tags=["operations"]
    )
