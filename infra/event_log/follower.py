"""A subscription: one follower's partitions, read a batch ahead, over as many connections as it takes.

Shared by all logs: who reads which partitions is settled by advisory locks in PostgreSQL (membership.py), whatever the
events are read from. It reads one batch ahead of the subscriber and no more. It must not know where events come from,
what subscribers do with them, nor where they keep their checkpoints.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Protocol

import asyncpg
import structlog

from events.errors import MimoError
from events.ports import Assigned, Away, Batch, CaughtUp, Checkpoints, Item, Reached
from infra.event_log.membership import Membership, Pace

POLL_SECONDS = 0.5
BREATH_SECONDS = 0.008
"""At the end of the log, the least time from one read to the next: what arrives meanwhile shares a transaction, which
takes a follower, the server and everybody beside them less than one for each."""
FIRST_PAUSE_SECONDS = 0.05
LONGEST_PAUSE_SECONDS = 2.0
DEFAULT_BATCH_EVENTS = 1000

_PARTITIONS = "select partitions from log.installation"

Connect = Callable[[], Awaitable[asyncpg.Connection]]
Read = tuple[Batch | None, CaughtUp | None]
_log = structlog.get_logger("mimo.event_log")


class Reader(Protocol):
    """Reads some topics forward from checkpoints and proves that nothing is missing. One user at a time.

    Not its job: sharing partitions, reading ahead, backing off.
    """

    async def start(self, partitions: frozenset[int], reached: Reached) -> None:
        """Goes to where the first missing event of each partition is.

        Args:
            partitions: the partition numbers to read of every topic.
            reached: what must not come again.

        Raises:
            BrokenLog: a checkpoint does not belong to this log.
        """

    async def read(self) -> Read:
        """The next events, and whether everything that was there has been read with them; soon, even if neither.

        Raises:
            BrokenLog: something is missing or of another history.
        """

    async def news(self) -> None:
        """Returns when there may be something to read, or after a while; loses nothing when it is cancelled."""

    async def close(self) -> None:
        """Lets go of everything, promptly."""


OpenReader = Callable[[asyncpg.Connection], Reader]
"""Makes a reader that has a connection to the log in PostgreSQL for itself."""


class Follower:
    """One subscription; an iterator of items.

    Args:
        connect: opens a connection whose role may read `log.tail`; a follower holds one, a group's member two.
        open_reader: makes what reads.
        checkpoints: where to start, asked at each assignment.
        group: members with the same group share the partitions; None: all partitions, alone.
        pace: of the heartbeat by which the members of a group know one another.
        poll_seconds: how long to wait at the end of the log when there is no news.
        away: the errors that mean "try again later".
    """

    def __init__(
        self,
        connect: Connect,
        open_reader: OpenReader,
        checkpoints: Checkpoints,
        group: str | None,
        *,
        pace: Pace,
        poll_seconds: float,
        away: Sequence[type[Exception]],
    ) -> None:
        self._connect = connect
        self._open_reader = open_reader
        self._checkpoints = checkpoints
        self._group = group
        self._pace = pace
        self._poll_seconds = poll_seconds
        self._away = tuple(away)
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
        self._backing_off = False
        self._reason = ""  # why it is lost
        self._told_away = ""  # what the subscriber knows of it, if that is the last that was delivered

    def __aiter__(self) -> AsyncIterator[Item]:
        return self

    async def __anext__(self) -> Item:
        while True:
            if self._backing_off:
                await self._rest()
            try:
                if self._reader is None:
                    await self._open()
                item = await self._step()
            except self._away as error:
                item = await self._lost(error)
            else:
                if item is not None:
                    self._told_away = ""
                if isinstance(item, Batch | CaughtUp):  # an assignment proves nothing: it may be of no partitions
                    self._found()
            if item is not None:
                return item

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
        reader, self._reader = self._reader, None
        self._ahead = self._membership = self._caught_up = self._assigned = None
        self._unsettled, self._idle = True, False
        if reader is not None:
            await reader.close()

    # -- one step ------------------------------------------------------------------------------------------------------

    async def _step(self) -> Item | None:
        assert self._reader is not None
        if self._membership is not None and self._membership.lost is not None:
            raise ConnectionResetError(f"the membership was lost: {self._membership.lost}")
        if self._unsettled:
            return await self._settled(self._reader)
        if self._caught_up is not None:
            told, self._caught_up = self._caught_up, None
            self._idle = True
            return told
        if self._idle or not self._assigned:
            await self._wait(self._reader)
            return None
        return await self._take(self._reader)

    async def _settled(self, reader: Reader) -> Item | None:
        """Settles, entirely: who is interrupted begins again."""
        self._unsettled = False
        try:
            return await self._settle(reader)
        except BaseException:
            self._unsettled = True
            raise

    async def _settle(self, reader: Reader) -> Item | None:
        """Finds out which partitions are ours; says so when that changed."""
        if self._membership is None:
            assigned = frozenset(range(self._partitions))
        else:
            await self._give_back(self._membership)
            assigned = await self._membership.take()
        if assigned == self._assigned:
            return None
        self._assigned = None  # until the reader stands where it should, nothing is delivered
        await self._forget_ahead()
        await reader.start(assigned, await self._checkpoints.load(assigned))
        self._assigned, self._caught_up, self._idle = assigned, None, False
        return Assigned(assigned)

    async def _give_back(self, membership: Membership) -> None:
        """In two steps: nothing more is delivered and what was delivered is done with; then others may have them."""
        if surplus := await membership.surplus():
            self._assigned = None  # what was read ahead is thrown away, so the reader must start again
            await self._forget_ahead()
            await self._checkpoints.load(membership.held - surplus)
            await membership.release(surplus)

    async def _take(self, reader: Reader) -> Item | None:
        self._read_at = asyncio.get_running_loop().time()
        ahead = self._ahead or asyncio.create_task(reader.read())
        self._ahead = ahead
        batch, self._caught_up = await asyncio.shield(ahead)
        # At the end of the log the next read waits for news: asking again at once would double the queries.
        self._ahead = None if self._caught_up else asyncio.create_task(reader.read())
        return batch

    async def _wait(self, reader: Reader) -> None:
        """For news, for other partitions, or for the next poll."""
        waiting: list[asyncio.Task[bool] | asyncio.Task[None]] = [asyncio.create_task(self._wake.wait())]
        if self._assigned:
            waiting.append(asyncio.create_task(reader.news()))
        try:
            done, _ = await asyncio.wait(waiting, timeout=self._poll_seconds, return_when=asyncio.FIRST_COMPLETED)
            for one in done:
                one.result()
        finally:
            for one in waiting:
                one.cancel()
            await asyncio.wait(waiting)
        rest_seconds = self._read_at + BREATH_SECONDS - asyncio.get_running_loop().time()
        if rest_seconds > 0:
            await asyncio.sleep(rest_seconds)
        self._wake.clear()
        self._idle = False

    async def _forget_ahead(self) -> None:
        if self._ahead is not None:
            ahead, self._ahead = self._ahead, None
            with contextlib.suppress(asyncpg.PostgresError):
                await ahead

    # -- connections ---------------------------------------------------------------------------------------------------

    async def _open(self) -> None:
        if self._connections:  # somebody interrupted the last attempt
            await self.close()
        connection = await self._opened()
        self._partitions = await connection.fetchval(_PARTITIONS)
        if self._group is not None:
            membership = Membership(
                await self._opened(), self._group, self._partitions, self._pace, self._membership_changed
            )
            await membership.join()
            self._membership = membership
        self._reader = self._open_reader(connection)

    async def _opened(self) -> asyncpg.Connection:
        connection = await self._connect()
        self._connections.append(connection)
        connection.add_termination_listener(lambda _: self._wake.set())
        return connection

    def _membership_changed(self) -> None:
        self._unsettled = True
        self._wake.set()

    # -- losing and finding it -----------------------------------------------------------------------------------------

    async def _lost(self, error: Exception) -> Item | None:
        """Lets go of everything; says that it is lost once until it is found, and why."""
        reason, kind = str(error), type(error).__name__
        if not isinstance(error, MimoError) and not reason.startswith(kind):
            reason = f"{kind}: {reason}".removesuffix(": ")
        self._backing_off = True
        await self.close()
        if not self._reason:
            _log.warning("log_lost", group=self._group, reason=reason)
        elif reason != self._reason:
            _log.info("log_still_lost", group=self._group, reason=reason)
        self._reason = reason
        if reason == self._told_away:
            return None
        self._told_away = reason
        return Away(reason)

    async def _rest(self) -> None:
        self._backing_off = False
        await asyncio.sleep(self._pause * random.uniform(0.5, 1.5))  # noqa: S311 - spreads reconnects
        self._pause = min(2 * self._pause, LONGEST_PAUSE_SECONDS)

    def _found(self) -> None:
        if self._reason:
            _log.info("log_found", group=self._group)
        self._pause, self._reason = FIRST_PAUSE_SECONDS, ""
