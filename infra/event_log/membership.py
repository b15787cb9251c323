"""Who of a group reads which partitions: session advisory locks in PostgreSQL, shared out fairly.

Each member holds a lock that counts it, and one for each of its partitions. A session ends with its process, and a
frozen process loses it by `idle_session_timeout`: then the locks are free and the others take over. A lock only avoids
double work; what makes double work harmless is the compare-and-set of the checkpoint.

It must not know what is done with the partitions: the caller gives them back when it has none of them in its hands.
"""

from __future__ import annotations

import asyncio
import contextlib
import zlib
from collections.abc import Callable
from dataclasses import dataclass

import asyncpg

from infra.postgres import AWAY

FIRST_SEAT = 1_000_000
"""Lock keys of the members themselves; below are the partitions."""

_SESSION = "select set_config('idle_session_timeout', $1, false)"
_SIT = "select pg_try_advisory_lock($1, $2)"
_SEATS = """
    select objid::bigint as seat from pg_locks
    where locktype = 'advisory' and granted and objsubid = 2 and classid = $1::int::oid and objid::bigint >= $2
      and database = (select oid from pg_database where datname = current_database())
    order by 1"""
_GIVE_BACK = "select pg_advisory_unlock($1, p) from unnest($2::int[]) p"
_TAKE = "select p, pg_try_advisory_lock($1, p) as taken from unnest($2::int[]) p"


@dataclass(frozen=True)
class Pace:
    """How often a member shows that it is alive, and after how much silence it is taken for dead. Seconds."""

    heartbeat_seconds: float = 2.0
    silence_seconds: float = 6.0


async def members(connection: asyncpg.Connection, group: str) -> int:
    """How many members a group has now."""
    return len(await connection.fetch(_SEATS, _lock_class(group), FIRST_SEAT))


def _lock_class(group: str) -> int:
    return zlib.crc32(group.encode()) & 0x7FFFFFFF


class Membership:
    """One member of a group, on a session of its own.

    Args:
        connection: the session; nobody else uses it. It is left open.
        group: the group's name.
        partitions: how many partitions there are to share.
        pace: of the heartbeat.
        changed: called when there are partitions to give back or to take, or the session is lost.
    """

    def __init__(
        self, connection: asyncpg.Connection, group: str, partitions: int, pace: Pace, changed: Callable[[], None]
    ) -> None:
        self._connection = connection
        self._group = _lock_class(group)
        self._partitions = partitions
        self._pace = pace
        self._changed = changed
        self._one_at_a_time = asyncio.Lock()
        self._seat = -1
        self._held: frozenset[int] = frozenset()
        self._seats: list[int] = []
        self._heart: asyncio.Task[None] | None = None
        self.lost: Exception | None = None
        """Why the session ended; None while it goes on."""

    async def join(self) -> None:
        """Becomes a member; from now on the others count it."""
        await self._ask(_SESSION, f"{round(self._pace.silence_seconds * 1000)}ms")
        seat = FIRST_SEAT
        while not (await self._ask(_SIT, self._group, seat))[0][0]:
            seat += 1
        self._seat = seat
        self._heart = asyncio.create_task(self._beat(), name="membership")

    @property
    def held(self) -> frozenset[int]:
        """The partitions that nobody else has."""
        return self._held

    async def surplus(self) -> frozenset[int]:
        """Asks who the members are now, and says what this one holds beyond its share."""
        self._seats = await self._members()
        return self._held - self._share()

    async def release(self, partitions: frozenset[int]) -> None:
        """Gives partitions back. Call it only when nothing is being done with them any more."""
        await self._ask(_GIVE_BACK, self._group, sorted(partitions))
        self._held -= partitions

    async def take(self) -> frozenset[int]:
        """Takes what is free of this member's share.

        Returns:
            The partitions held now.
        """
        if missing := self._share() - self._held:
            rows = await self._ask(_TAKE, self._group, sorted(missing))
            self._held |= {row["p"] for row in rows if row["taken"]}
        return self._held

    async def leave(self) -> None:
        """Stops the heartbeat; the locks end with the session, which the caller closes."""
        if self._heart is not None:
            self._heart.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._heart

    def _share(self) -> frozenset[int]:
        if self._seat not in self._seats:
            raise ConnectionResetError("the session that holds this member's locks has ended")
        return frozenset(range(self._seats.index(self._seat), self._partitions, len(self._seats)))

    async def _members(self) -> list[int]:
        return [row["seat"] for row in await self._ask(_SEATS, self._group, FIRST_SEAT)]

    async def _beat(self) -> None:
        try:
            while True:
                await asyncio.sleep(self._pace.heartbeat_seconds)
                seats = await self._members()
                if seats != self._seats or self._held != self._share():
                    self._changed()
        except (*AWAY, asyncpg.PostgresError) as error:
            self.lost = error
            self._changed()

    async def _ask(self, statement: str, *arguments: object) -> list[asyncpg.Record]:
        async with self._one_at_a_time:
            rows: list[asyncpg.Record] = await self._connection.fetch(
                statement, *arguments, timeout=self._pace.silence_seconds
            )
            return rows
