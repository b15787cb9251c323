"""Each process of the system says every few seconds that it is there, so that operators see which there are.

Nothing depends on it: while the database is away, or slow, the process goes on as if nobody had asked. It must not know
what the process does; whoever starts it says what it is and what is not ready.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from importlib.metadata import version
from time import monotonic
from typing import Literal
from uuid import UUID, uuid4

import asyncpg
import orjson
import structlog

from infra.postgres import AWAY

TELL_SECONDS = 5.0
SLOWEST_SECONDS = 20.0
"""Between two tries while the database is away."""
ANSWER_SECONDS = 2.0
END_SECONDS = 1.0
"""How long an orderly end may be held up by a database that does not answer."""
SILENT_SECONDS = 15.0
"""After so long without a word a process was killed, is frozen or cut off."""

PROCESSES = """
select id, part, host, pid, version, started_at, told_at,
  case when told_at < clock_timestamp() - make_interval(secs => $1) then 'silent'
    when not_ready = '[]' then 'ready' else 'unready' end as state,
  not_ready::text as not_ready
from read.process
order by part, host, started_at, id
"""
"""Asks for all processes, with `SILENT_SECONDS`."""

# All times are the database's. Rows that nobody told about for an hour are of processes that were killed.
_TELL = """
with forgotten as (
  delete from operations.process where id in (
    select p.id from operations.process p where p.told_at < now() - interval '1 hour' and p.id <> $1
    for update skip locked))
insert into operations.process (id, part, host, pid, version, started_at, not_ready)
values ($1, $2, $3, $4, $5, now() - make_interval(secs => $6), $7)
on conflict (id) do update set told_at = now(), not_ready = excluded.not_ready
"""
_END = "delete from operations.process where id = $1"

PartName = Literal["command API", "query API", "projector", "relay", "operations worker"]
NotReady = Callable[[], Awaitable[Sequence[dict[str, str]]]]
"""What is not ready, as /readyz has it: name and reason of each."""

_log = structlog.get_logger("mimo.presence")


class Presence:
    """One process's row in the list of processes.

    Args:
        pool: lends a connection for a moment; its role may write the list.
        part: what the process is.
        not_ready: asked each time.
        tell_seconds: how long between two times.
    """

    def __init__(
        self, pool: asyncpg.Pool, part: PartName, not_ready: NotReady, *, tell_seconds: float = TELL_SECONDS
    ) -> None:
        self.id: UUID = uuid4()
        self._pool, self._not_ready, self._every = pool, not_ready, tell_seconds
        self._who = (part, socket.gethostname(), os.getpid(), version("mimo"))
        self._started = monotonic()
        self._pause = tell_seconds
        self._failing = False

    async def run(self) -> None:
        """Tells until it is cancelled; no failure ends it."""
        while True:
            try:
                await self._tell()
            except Exception as error:
                self._failed(error)
            else:
                self._failing, self._pause = False, self._every
            await asyncio.sleep(self._pause)

    async def end(self) -> None:
        """Takes the row away, unless the database was away the last time: then the row falls silent."""
        if self._failing:
            return
        with suppress(asyncpg.PostgresError, *AWAY):
            async with asyncio.timeout(END_SECONDS), self._pool.acquire(timeout=END_SECONDS) as connection:
                await connection.execute(_END, self.id, timeout=END_SECONDS)

    async def _tell(self) -> None:
        missing = orjson.dumps(await self._not_ready()).decode()
        # The time-out of acquire also bounds giving back a connection whose statement was given up.
        async with self._pool.acquire(timeout=ANSWER_SECONDS) as connection:
            age = monotonic() - self._started
            await connection.execute(_TELL, self.id, *self._who, age, missing, timeout=ANSWER_SECONDS)

    def _failed(self, error: Exception) -> None:
        """The process itself says when its database is away; anything else is said once."""
        if not self._failing and not isinstance(error, AWAY):
            _log.warning("presence_not_told", error=type(error).__name__)
        self._failing = True
        self._pause = min(2 * self._pause, max(SLOWEST_SECONDS, self._every))


@asynccontextmanager
async def present(pool: asyncpg.Pool, part: PartName, not_ready: NotReady) -> AsyncIterator[None]:
    """The process is in the list for as long as the block lasts.

    Args:
        pool: lends a connection for a moment every few seconds; its role may write the list.
        part: what the process is.
        not_ready: what /readyz would say is missing.
    """
    presence = Presence(pool, part, not_ready)
    telling = asyncio.create_task(presence.run(), name="presence")
    try:
        yield
    finally:
        telling.cancel()
        with suppress(asyncio.CancelledError):
            await telling
        await presence.end()
