"""Live updates of one process, put together: the feed, the rooms, the hints, and everybody who is connected.

It must not know the protocol (connection.py, stream.py) nor what is told (frames.py).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Iterator, Sequence
from contextlib import contextmanager
from urllib.parse import urlsplit
from uuid import UUID

import asyncpg
from starlette.websockets import WebSocket

from events.recorded import Recorded
from infra.kept_connection import Connect
from infra.session_ends import ErasedKeys, Follower
from infra.web.auth import Authenticator, Caller
from query_api.live import measured
from query_api.live.channel_log import ChannelLog
from query_api.live.connection import Connection
from query_api.live.feed import Feed, Wanted
from query_api.live.frames import SUBPROTOCOL
from query_api.live.hints import TYPES, Hints
from query_api.live.listener import CODES, HISTORY_CHANGED, TOO_MANY, Ended, Listener
from query_api.live.rooms import Rooms
from query_api.live.stream import Marks, Stream

MAX_CONNECTIONS_OF_ONE = 20
"""Of one person to one process."""


class Live:
    """Everybody who listens, in one process.

    Args:
        pool: in this API's role.
        connect: opens a connection of its own in that role.
        allowed_origins: the web origins that may connect, beside the page's own.
    """

    def __init__(self, pool: asyncpg.Pool, connect: Connect, allowed_origins: Collection[str]) -> None:
        log = ChannelLog(pool)
        self._rooms = Rooms(log)
        self._feed = self._rooms.feed = Feed(connect, self._wanted, self._hear, self._forget, self._rooms.exchange)
        self._hints = Hints(self._of_person, self._rooms.of_course)
        self._keys = ErasedKeys(log.ring)
        self._allowed_origins = frozenset(allowed_origins)
        self._people: dict[UUID, set[Listener]] = {}

    @property
    def followers(self) -> tuple[Follower, ...]:
        """Who must be told of ended sessions and erased people."""
        return (self._keys, self._rooms, self)

    @property
    def connections(self) -> int:
        """How many listen."""
        return sum(map(len, self._people.values()))

    async def run(self) -> None:
        """Follows the log and the other processes until it is cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._feed.run(), name="live-feed")
            tasks.create_task(self._rooms.exchange.run(), name="live-exchange")

    async def converse(self, socket: WebSocket, authenticator: Authenticator) -> None:
        """Serves one WebSocket until it ends."""
        if not self._is_welcome(socket):
            await socket.close()  # before it was accepted: 403
            return
        await socket.accept(SUBPROTOCOL if SUBPROTOCOL in socket.scope["subprotocols"] else None)
        connection = Connection(socket, self._rooms, authenticator)
        try:
            await connection.authenticate()
            with self._admitted(connection, "websocket"):
                await connection.converse()
        except Ended as ended:
            if ended.code in CODES:
                measured.CUT_OFF.labels(str(ended.code)).inc()
            connection.cut_off(ended.code, str(ended))
        finally:
            connection.close()

    async def stream(
        self, caller: Caller, authenticator: Authenticator, after: Marks, *, presence: bool
    ) -> AsyncIterator[bytes]:
        """Serves one event stream until it ends."""
        stream = Stream(self._rooms, authenticator, after, presence=presence)
        try:
            stream.signed_in(caller)
            with self._admitted(stream, "stream"):
                async for part in stream.events():
                    yield part
        except Ended as ended:
            stream.cut_off(ended.code, str(ended))
            async for part in stream.events():
                yield part
        finally:
            stream.close()

    def begun(self) -> None:
        """See `infra.session_ends.Follower`; while the tail was away, sessions may have ended unheard."""
        for listener in self._everybody():
            listener.check_session()

    def told(self, position: int, user_id: UUID, *, erased: bool) -> None:  # noqa: ARG002 - it ends sessions, too
        """See `infra.session_ends.Follower`."""
        for listener in self._people.get(user_id, ()):
            listener.check_session()

    def heard(self, asked_at: float) -> None:
        """See `infra.session_ends.Follower`."""

    @contextmanager
    def _admitted(self, listener: Listener, transport: str) -> Iterator[None]:
        theirs = self._people.setdefault(listener.user_id, set())
        if len(theirs) >= MAX_CONNECTIONS_OF_ONE:
            raise Ended(TOO_MANY, f"more than {MAX_CONNECTIONS_OF_ONE} connections of one person")
        theirs.add(listener)
        measured.CONNECTIONS.labels(transport).inc()
        try:
            yield
        finally:
            measured.CONNECTIONS.labels(transport).dec()
            theirs.discard(listener)
            if not theirs:
                self._people.pop(listener.user_id, None)

    def _wanted(self) -> Wanted:
        return Wanted(self._rooms.wanted(), TYPES if self._people else ())

    async def _hear(self, events: Sequence[Recorded]) -> None:
        await self._rooms.hear(events)
        self._hints.hear(events)

    def _of_person(self, user_id: UUID) -> Collection[Listener]:
        return self._people.get(user_id, ())

    def _everybody(self) -> list[Listener]:
        return [listener for theirs in self._people.values() for listener in theirs]

    def _forget(self) -> None:
        """The log is of another history: what anybody was told is not true any more."""
        self._rooms.forget()
        for listener in self._everybody():
            listener.cut_off(HISTORY_CHANGED, "the log is of another history")

    def _is_welcome(self, socket: WebSocket) -> bool:
        """Whether the page that connects is one of ours; what is no browser says no origin."""
        origin = socket.headers.get("origin")
        if origin is None or origin in self._allowed_origins:
            return True
        return urlsplit(origin).netloc == socket.headers.get("host")
