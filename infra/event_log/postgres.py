"""The `EventLog` port on the log in PostgreSQL: pulls, and lets NOTIFY wake the next pull.

It reads one batch ahead of the subscriber and no more. It must not know what subscribers do with events, nor where
they keep their checkpoints.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence

import asyncpg
import structlog

from events.bookmark import Place
from events.ports import Assigned, Batch, CaughtUp, Checkpoints, Item
from infra.event_log.membership import Membership, Pace
from infra.event_log.pulse import Pulse
from infra.event_log.reader import Reader
from infra.postgres import AWAY

POLL_SECONDS = 0.5
BREATH_SECONDS = 0.008
"""At the end of the log, the least time from one read to the next: what arrives meanwhile shares a transaction, which
takes a follower, the server and everybody beside them less than one for each."""
FIRST_PAUSE_SECONDS = 0.05
LONGEST_PAUSE_SECONDS = 2.0
DEFAULT_BATCH_EVENTS = 1000

_PARTITIONS = "select partitions from log.installation"
_ENDS = """
    select t.topic, p.partition, coalesce((
        select max(e."offset") from log.tail e where e.topic = t.topic and e.partition = p.partition), 0) as "offset"
    from unnest($1::text[]) t (topic)
    cross join (select generate_series(0, i.partitions - 1) as partition from log.installation i) p"""

Connect = Callable[[], Awaitable[asyncpg.Connection]]
Read = tuple[Batch | None, CaughtUp | None]
_log = structlog.get_logger("mimo.event_log")


class PostgresLog:
    """Implements `events.ports.EventLog`.

    Args:
        connect: opens a connection whose role may read `log.tail`; each follower holds one, a group's member two, and
            one more listens for all of them.
        pace: of the heartbeat by which the members of a group know one another.
        poll_seconds: how long to wait at the end of the log when nothing notifies.
        shuffle: mixes partitions at random within each batch; for tests.
    """

    def __init__(
        self,
        connect: Connect,
        *,
        pace: Pace | None = None,
        poll_seconds: float = POLL_SECONDS,
        shuffle: random.Random | None = None,
    ) -> None:
        self._connect = connect
        self._pace = pace or Pace()
        self._poll_seconds = poll_seconds
        self._shuffle = shuffle
        self._pulse = Pulse(connect, poll_seconds)

    @contextlib.asynccontextmanager
    async def follow(
        self,
        topics: Sequence[str],
        checkpoints: Checkpoints,
        *,
        group: str | None = None,
        batch_size: int = DEFAULT_BATCH_EVENTS,
    ) -> AsyncIterator[AsyncIterator[Item]]:
        """As the port says. At the end of the log it says `CaughtUp` again at every poll.

        Raises (from the iterator):
            BrokenLog: the log has a gap, or a checkpoint does not belong to it.
        """
        follower = _Follower(self._connect, topics, checkpoints, group, batch_size, self._poll_seconds)
        follower.pace, follower.shuffle = self._pace, self._shuffle
        try:
            async with self._pulse.heard(topics, follower.news):
                yield follower
        finally:
            await follower.close()

    async def ends(self, topics: Sequence[str]) -> Mapping[Place, int]:
        """The last offset of every (topic, partition) now."""
        connection = await self._connect()
        try:
            rows = await connection.fetch(_ENDS, list(topics))
        finally:
            connection.terminate()
        return {(row["topic"], row["partition"]): row["offset"] for row in rows}


class _Follower:
    """One subscription, over as many connections as it takes."""

    pace = Pace()
    shuffle: random.Random | None = None

    def __init__(
        self,
        connect: Connect,
        topics: Sequence[str],
        checkpoints: Checkpoints,
        group: str | None,
        batch_size: int,
        poll_seconds: float,
    ) -> None:
        self._connect = connect
        self._topics = tuple(topics)
        self._checkpoints = checkpoints
        self._group = group
        self._batch_size = batch_size
        self._poll_seconds = poll_seconds
        self._connections: list[asyncpg.Connection] = []
        self._reader: Reader | None = None
        self._membership: Membership | None = None
        self._partitions = 0
        self._ahead: asyncio.Task[Read] | None = None
        self._caught_up: CaughtUp | None = None
        self._assigned: frozenset[int] | None = None
        self._unsettled = True
        self._idle = False
        self._wake = asyncio.Event()
        self._read_at = 0.0
        self._pause = FIRST_PAUSE_SECONDS

    def __aiter__(self) -> AsyncIterator[Item]:
        return self

    async def __anext__(self) -> Item:
        while True:
            try:
                if self._reader is None:
                    await self._open()
                item = await self._step()
            except AWAY as error:
                _log.warning("log_lost", group=self._group, error=f"{type(error).__name__}: {error}")
                await self.close()
                await asyncio.sleep(self._pause * random.uniform(0.5, 1.5))  # noqa: S311 - spreads reconnects
                self._pause = min(2 * self._pause, LONGEST_PAUSE_SECONDS)
            else:
                if item is not None:
                    self._pause = FIRST_PAUSE_SECONDS
                    return item

    def news(self, head: int) -> None:
        """There is something new up to this position."""
        if self._reader is not None:
            self._reader.head = max(self._reader.head, head)
        self._wake.set()

    async def close(self) -> None:
        """Lets go of everything at once; the next step begins anew."""
        if self._ahead is not None:
            self._ahead.cancel()
            await asyncio.wait((self._ahead,))
            if not self._ahead.cancelled():
                self._ahead.exception()  # looked at, so that it is not reported as forgotten
        if self._membership is not None:
            await self._membership.leave()
        for connection in self._connections:
            connection.terminate()
        self._connections.clear()
        self._ahead = self._reader = self._membership = self._caught_up = self._assigned = None
        self._unsettled, self._idle = True, False

    # -- one step ------------------------------------------------------------------------------------------------------

    async def _step(self) -> Item | None:
        if self._membership is not None and self._membership.lost is not None:
            raise ConnectionResetError(f"the membership was lost: {self._membership.lost}")
        if self._unsettled:
            return await self._settle()
        if self._caught_up is not None:
            told, self._caught_up = self._caught_up, None
            self._idle = True
            return told
        if self._idle or not self._assigned:
            await self._wait()
            return None
        return await self._take()

    async def _settle(self) -> Item | None:
        """Finds out which partitions are ours; says so when that changed."""
        self._unsettled = False
        everything = frozenset(range(self._partitions))
        assigned = everything if self._membership is None else await self._membership.settle()
        if assigned == self._assigned:
            return None
        await self._forget_ahead()
        checkpoints = await self._checkpoints.load(assigned)
        assert self._reader is not None
        await self._reader.start(assigned, checkpoints)
        self._assigned, self._caught_up, self._idle = assigned, None, False
        return Assigned(assigned)

    async def _take(self) -> Item | None:
        assert self._reader is not None
        self._read_at = asyncio.get_running_loop().time()
        ahead = self._ahead or asyncio.create_task(self._reader.read())
        self._ahead = ahead
        batch, self._caught_up = await asyncio.shield(ahead)
        # At the end of the log the next read waits for news: asking again at once would double the queries.
        self._ahead = None if self._caught_up else asyncio.create_task(self._reader.read())
        return batch

    async def _wait(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._poll_seconds):
                await self._wake.wait()
        rest_seconds = self._read_at + BREATH_SECONDS - asyncio.get_running_loop().time()
        if rest_seconds > 0:
            await asyncio.sleep(rest_seconds)
        self._wake.clear()
        self._idle = False

    async def _forget_ahead(self) -> None:
        if self._ahead is not None:
            with contextlib.suppress(asyncpg.PostgresError):
                await self._ahead
            self._ahead = None

    # -- connections ---------------------------------------------------------------------------------------------------

    async def _open(self) -> None:
        connection = await self._opened()
        self._partitions = await connection.fetchval(_PARTITIONS)
        if self._group is not None:
            membership = Membership(
                await self._opened(), self._group, self._partitions, self.pace, self._membership_changed
            )
            await membership.join()
            self._membership = membership
        self._reader = Reader(connection, self._topics, self._batch_size, self.shuffle)

    async def _opened(self) -> asyncpg.Connection:
        connection = await self._connect()
        self._connections.append(connection)
        connection.add_termination_listener(lambda _: self._wake.set())
        return connection

    def _membership_changed(self) -> None:
        self._unsettled = True
        self._wake.set()
