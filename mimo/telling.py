"""How far an operation is, told about once a second to whoever looks at the operators' desk; gone when it has ended.

Nothing depends on it: while the database is away, nothing is told. It must not know what is done.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial
from uuid import UUID

import asyncpg

from infra.postgres import AWAY, Role, connect

APPLICATION = "mimo-operation"
TELL_SECONDS = 1.0
ANSWER_SECONDS = 2.0

Tell = Callable[[str, int, int], None]
"""What is being done, how many events are, and how many there are."""
Connect = Callable[[], Awaitable[asyncpg.Connection]]

# Whoever was killed left its row behind; one that takes its operation up writes over it.
_TELL = """
    with forgotten as (
        delete from operations.progress
        where told_at < now() - interval '1 hour' and operation_id <> $1)
    insert into operations.progress (operation_id, doing, done, total) values ($1, $2, $3, $4)
    on conflict (operation_id) do update
    set doing = excluded.doing, done = excluded.done, total = excluded.total, told_at = now()"""
_LEFT = "select doing from operations.progress where operation_id = $1"
_END = "delete from operations.progress where operation_id = $1"


class Telling:
    """The row of one operation.

    Args:
        connect: opens a connection in the role that writes it.
        operation_id: whose row.
    """

    def __init__(self, connect: Connect, operation_id: UUID) -> None:
        self._connect = connect
        self._operation_id = operation_id
        self.over = False
        """Set by whoever does it: there is nothing more to tell, so the row goes."""
        self._latest: tuple[str, int, int] | None = None
        self._connection: asyncpg.Connection | None = None

    def tell(self, doing: str, done: int, total: int) -> None:
        """Notes how far it is; it is written down within a second."""
        self._latest = (doing, done, total)

    async def left(self) -> str | None:
        """What a process that was killed was doing of it; None: nobody has begun it, or nobody knows."""
        rows = await self._ask(_LEFT, self._operation_id)
        return rows[0]["doing"] if rows else None

    async def run(self) -> None:
        """Writes down what was told until it is cancelled."""
        while True:
            if self._latest is not None:
                await self._ask(_TELL, self._operation_id, *self._latest)
            await asyncio.sleep(TELL_SECONDS)

    async def end(self) -> None:
        """Takes the row away if it is over, and gives the connection up. Nobody runs it any more."""
        try:
            if self.over:
                await self._ask(_END, self._operation_id)
        finally:
            if self._connection is not None:
                self._connection.terminate()

    async def _ask(self, statement: str, *arguments: object) -> Sequence[asyncpg.Record]:
        with suppress(asyncpg.PostgresError, *AWAY):
            if self._connection is None or self._connection.is_closed():
                self._connection = await self._connect()
            rows: list[asyncpg.Record] = await self._connection.fetch(statement, *arguments, timeout=ANSWER_SECONDS)
            return rows
        return ()


@asynccontextmanager
async def telling(url: str, operation_id: UUID, application: str = APPLICATION) -> AsyncIterator[Telling]:
    """The row of an operation, kept up to date until the block ends.

    Args:
        url: the database.
        operation_id: which operation.
        application: shown in pg_stat_activity.
    """
    row = Telling(partial(connect, url, application=application, role=Role.PROJECTOR), operation_id)
    task = asyncio.create_task(row.run(), name="telling")
    try:
        yield row
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        await row.end()
