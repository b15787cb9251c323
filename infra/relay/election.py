"""Who of all relays may publish: one session advisory lock in PostgreSQL, on a session that dies with its holder.

A killed holder's session ends at once; a frozen one's by `idle_session_timeout`, because its heartbeat stops. The lock
only says who should publish. That a zombie, awake again, changes nothing is Kafka's doing: the successor's producer
has fenced its own. It must not know Kafka, nor what is published.
"""

from __future__ import annotations

import asyncio
import contextlib
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

import asyncpg

from infra.event_log.membership import Pace
from infra.relay.trouble import Deposed

LOCK = (zlib.crc32(b"mimo-relay") & 0x7FFFFFFF, 0)
STAND_AGAIN_SECONDS = 0.25

_SESSION = "select set_config('idle_session_timeout', $1, false), set_config('synchronous_commit', 'off', false)"
_STAND = "select pg_try_advisory_lock($1, $2)"
_HELD = """
    select exists (
        select from pg_locks where locktype = 'advisory' and granted and pid = pg_backend_pid()
        and classid = $1::int::oid and objid = $2::int::oid and objsubid = 2)"""

Connect = Callable[[], Awaitable[asyncpg.Connection]]


class Office:
    """The place of the one active relay. While `held`, its session also carries the relay's notes.

    Args:
        connection: its session; nobody else uses it.
        pace: of the heartbeat.
    """

    def __init__(self, connection: asyncpg.Connection, pace: Pace) -> None:
        self._connection = connection
        self._pace = pace
        self._one_at_a_time = asyncio.Lock()

    async def stand(self, waiting: Callable[[], None]) -> None:
        """Waits until the place is free and takes it.

        Args:
            waiting: called when another has it.
        """
        await self.ask(_SESSION, f"{round(self._pace.silence_seconds * 1000)}ms")
        while not (await self.ask(_STAND, *LOCK))[0][0]:
            waiting()
            await asyncio.sleep(STAND_AGAIN_SECONDS)

    async def verify(self) -> None:
        """Asks the server whether the place is still ours.

        Raises:
            Deposed: it is not.
        """
        try:
            held = (await self.ask(_HELD, *LOCK))[0][0]
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            raise Deposed(f"the session of the election has ended: {type(error).__name__}: {error}") from error
        if not held:
            raise Deposed("the lock of the election is not held any more")

    async def keep(self) -> None:
        """The heartbeat: goes on until the place is lost.

        Raises:
            Deposed: when it is.
        """
        while True:
            await asyncio.sleep(self._pace.heartbeat_seconds)
            await self.verify()

    async def ask(self, statement: str, *arguments: object) -> Sequence[asyncpg.Record]:
        """Runs a statement in the session, so only for as long as the place is ours."""
        async with self._one_at_a_time:
            rows: list[asyncpg.Record] = await self._connection.fetch(
                statement, *arguments, timeout=self._pace.silence_seconds
            )
            return rows


@contextlib.asynccontextmanager
async def session(connect: Connect, pace: Pace) -> AsyncIterator[Office]:
    """A new session to stand for election on; whatever it held is free when the block ends."""
    connection = await connect()
    try:
        yield Office(connection, pace)
    finally:
        connection.terminate()
