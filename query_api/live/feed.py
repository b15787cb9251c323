"""The log's end, followed once per process for all who listen: events of some keys, and all of some types.

Positions are dense and in commit order, so whoever asks for what lies behind the last position misses nothing. NOTIFY
only wakes. It must not know who listens, nor what events mean.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from contextlib import suppress
from typing import NamedTuple, Protocol
from uuid import UUID

import asyncpg

from events.messages import TOPIC
from events.recorded import Recorded
from infra.kept_connection import Connect, keep_connection

CHANNEL = "mimo_log"
POLL_SECONDS = 0.25
ANSWER_SECONDS = 5.0
WINDOW_POSITIONS = 5_000

_HISTORY = "select log_id from log.installation"
_HEAD = "select coalesce(max(position), 0) from log.tail"
_NEWS = """
    with upto as materialized (
        select least($1::bigint + $2::bigint, (select coalesce(max(position), 0) from log.tail)) as position)
    select u.position as reached, e.position, e.id, e.stream, e.version, e.topic, e.partition, e."offset", e.key,
      e.type, e.schema, e.data, e.meta, e.at
    from upto u left join log.tail e
      on e.position > $1 and e.position <= u.position
      and (e.topic = $3 and e.key = any ($4) or e.type = any ($5))
    order by e.position"""


class Wanted(NamedTuple):
    """Which events are wanted now.

    Args:
        keys: of channels, whatever happens in them.
        types: of events, wherever they happen.
    """

    keys: Collection[str]
    types: Collection[str]


class Overhearing(Protocol):
    """Hears other notifications on the feed's connection.

    Attributes:
        channel: what it listens to.
    """

    @property
    def channel(self) -> str:
        """What it listens to."""

    def begun(self) -> None:
        """From now on, on this connection, it hears."""

    def notified(self, payload: str) -> None:
        """Something was told."""


class Feed:
    """Follows the log for ever, also over lost connections.

    Args:
        connect: opens a connection of its own, in this API's role.
        wanted: which events are wanted now.
        hear: is handed them in the order of the log.
        lost: is called when the log is of another history than before.
        beside: hears other notifications on the same connection.
    """

    def __init__(
        self,
        connect: Connect,
        wanted: Callable[[], Wanted],
        hear: Callable[[Sequence[Recorded]], Awaitable[None]],
        lost: Callable[[], None],
        beside: Overhearing,
    ) -> None:
        self._connect = connect
        self._wanted = wanted
        self._hear = hear
        self._lost = lost
        self._beside = beside
        self._wake = asyncio.Event()
        self._history: UUID | None = None
        self._reached = 0
        self._listened = False
        self.between = asyncio.Lock()
        """Held while the log is being asked: who begins to want a key under it is asked for from the next time on, and
        what was asked before has been answered."""

    async def run(self) -> None:
        """Runs until it is cancelled."""
        await keep_connection(self._connect, self._follow, "live")

    async def _follow(self, connection: asyncpg.Connection) -> None:
        await self._begin(connection)
        while True:
            await self._look(connection)

    async def _begin(self, connection: asyncpg.Connection) -> None:
        """Goes on where it was; in another history, nothing of before is true any more."""
        connection.add_termination_listener(lambda _: self._wake.set())
        await connection.add_listener(CHANNEL, lambda *_: self._on_notify())
        await connection.add_listener(self._beside.channel, lambda *told: self._beside.notified(str(told[-1])))
        self._beside.begun()
        async with self.between:
            history = await connection.fetchval(_HISTORY, timeout=ANSWER_SECONDS)
            if history != self._history:
                self._reached = await connection.fetchval(_HEAD, timeout=ANSWER_SECONDS)
                if self._history is not None:
                    self._lost()
                self._history = history

    async def _look(self, connection: asyncpg.Connection) -> None:
        """Asks once, and waits for news when there was nothing more."""
        self._wake.clear()
        async with self.between:
            keys, types = map(list, self._wanted())
            self._listened = bool(keys or types)
            if not self._listened:
                self._reached = await connection.fetchval(_HEAD, timeout=ANSWER_SECONDS)
            rows = await connection.fetch(
                _NEWS, self._reached, WINDOW_POSITIONS, TOPIC, keys, types, timeout=ANSWER_SECONDS
            )
            upto = rows[0]["reached"]
            await self._hear([Recorded(*tuple(row)[1:]) for row in rows if row["position"] is not None])
            full = upto - self._reached >= WINDOW_POSITIONS
            self._reached = max(self._reached, upto)
        if not full:
            with suppress(TimeoutError):
                async with asyncio.timeout(POLL_SECONDS):
                    await self._wake.wait()

    def wake(self) -> None:
        """Has it look now: somebody wants a key that nobody wanted before."""
        self._wake.set()

    def _on_notify(self) -> None:
        if self._listened:  # else a look now and then is enough
            self._wake.set()
