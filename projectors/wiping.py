"""Takes out of the tables what erasing has only hidden, some rows at a time, while others go on writing.

What is left to do stands in the tables, so it goes on after whatever kills it; several processes share the work. It
must not know the tables of any view: a generation brings what wipes it (projectors/projection.py).
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from time import perf_counter
from uuid import UUID

import asyncpg
import structlog

from projectors.checkpoints import Generation
from projectors.failures import described
from projectors.session import Connect, ViewSession

SLICE_ROWS = 2_000
MOST_PEOPLE = 1_000
RETRY_SECONDS = 1.0
WRITERS_SECONDS = 0.02

# Who began to write before somebody was hidden may not know it, and writes until the end of its transaction. To wait
# for those, as `create index concurrently` does, holds nobody up; a lock on the table would.
_WRITERS = """
    select coalesce(array_agg(distinct l.virtualtransaction), '{}') from pg_locks l
    join pg_class c on c.oid = l.relation and c.relnamespace = current_schema()::regnamespace
    where l.database = (select oid from pg_database where datname = current_database())
      and l.mode = 'RowExclusiveLock' and l.granted and l.pid <> pg_backend_pid()"""
_WIPES = "select to_regprocedure('wipe(uuid[], integer)') is not null"
_UNWIPED = "select unwiped($1)"
_WIPE = "select wipe($1::uuid[], $2)"
_STILL_THERE = "select exists (select from pg_locks where virtualtransaction = any ($1::text[]))"

_log = structlog.get_logger("mimo.wiping")


class Wiping:
    """Wipes in the generations that one process erases in.

    Args:
        connect: opens a connection in the role that writes views.
        slice_rows: the most rows in one transaction.
    """

    def __init__(self, connect: Connect, *, slice_rows: int = SLICE_ROWS) -> None:
        self._connect = connect
        self._slice_rows = slice_rows
        self._generations: Counter[Generation] = Counter()
        self._news = asyncio.Event()

    def keep(self, generation: Generation) -> None:
        """From now on in this generation, too, beginning with what was left by others; until it is let go as often."""
        self._generations[generation] += 1
        self._news.set()

    def let_go(self, generation: Generation) -> None:
        """No more: somebody else keeps it up, or it is dropped."""
        self._generations -= Counter((generation,))

    def wake(self) -> None:
        """Somebody was hidden, perhaps."""
        self._news.set()

    async def run(self) -> None:
        """Runs until it is cancelled."""
        while True:
            await self._news.wait()
            self._news.clear()
            for generation in list(self._generations):
                session = ViewSession(self._connect, generation)
                try:
                    connection = await session.connection()
                    wipes = await connection.fetchval(_WIPES)
                    while wipes and await self._wipe(connection, generation):
                        pass
                except Exception as error:
                    _log.warning("wiping_failed", generation=generation.schema, reason=described(error))
                    self._news.set()
                finally:
                    session.close()
            if self._news.is_set():
                await asyncio.sleep(RETRY_SECONDS)

    async def _wipe(self, connection: asyncpg.Connection, generation: Generation) -> bool:
        """Wipes what is hidden of some people; whether to go on with others."""
        people = await _unwiped(connection)
        if not people:
            return False
        await _writers_gone(connection)
        started, rows = perf_counter(), 0
        while slice_rows := await self._slice(connection, people):
            rows += slice_rows
        if rows:
            seconds = round(perf_counter() - started, 3)
            _log.info("wiped", generation=generation.schema, people=len(people), rows=rows, seconds=seconds)
        left = set(await _unwiped(connection))
        if left.isdisjoint(people):
            return bool(left)
        self._news.set()  # another process is at it; see later whether it came to an end
        return False

    async def _slice(self, connection: asyncpg.Connection, people: Sequence[UUID]) -> int:
        async with connection.transaction():
            wiped: int = await connection.fetchval(_WIPE, people, self._slice_rows)
            return wiped


async def _unwiped(connection: asyncpg.Connection) -> list[UUID]:
    return [row[0] for row in await connection.fetch(_UNWIPED, MOST_PEOPLE)]


async def _writers_gone(connection: asyncpg.Connection) -> None:
    """Waits until everybody has ended who writes in the generation now."""
    writers = await connection.fetchval(_WRITERS)
    while writers and await connection.fetchval(_STILL_THERE, writers):  # noqa: ASYNC110 - it happens in PostgreSQL
        await asyncio.sleep(WRITERS_SECONDS)
