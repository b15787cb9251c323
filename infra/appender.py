"""The appender: collects the commands of concurrent requests into batches and stores them (group commit).

The next batch is whatever arrived while the last was on its way; there is no artificial delay. After a broken
connection the same commands are sent again with the same event ids, so an unknown outcome never doubles one.
It must not know what the commands mean.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass

import asyncpg
import structlog

from events.errors import InvalidRequest, MimoError, Overloaded
from infra.append_batch import CALL, Outcome, Prepared, arguments, outcomes

MAX_BATCH_COMMANDS = 500
MAX_BATCH_BYTES = 4 * 1024 * 1024
MAX_QUEUE_COMMANDS = 5_000
CALL_TIMEOUT_SECONDS = 6.0
"""Longer than the server's own transaction_timeout (5 s), which ends whatever holds us up."""
COMMAND_DEADLINE_SECONDS = 10.0
FIRST_PAUSE_SECONDS = 0.05
LONGEST_PAUSE_SECONDS = 1.0

# What PostgreSQL (or the driver) says of data that it cannot store; nothing of the batch was stored then.
UNSTORABLE = (
    asyncpg.DataError,
    asyncpg.IntegrityConstraintViolationError,
    asyncpg.ProgramLimitExceededError,
    ValueError,
    OverflowError,
)
log = structlog.get_logger(__name__)

Connect = Callable[[], Awaitable[asyncpg.Connection]]


@dataclass(slots=True, eq=False)
class _Waiting:
    prepared: Prepared
    outcome: asyncio.Future[Outcome]
    deadline: float


class Appender:
    """One per process; `async with appender.running():` around its use.

    Args:
        connect: opens a connection that may execute `log.append`.
        partitions: how many partitions each topic of this installation has.
        max_queue: how many commands may wait before new ones are refused.
        deadline_seconds: how long a command may wait in all.
    """

    def __init__(
        self,
        connect: Connect,
        partitions: int,
        *,
        max_queue: int = MAX_QUEUE_COMMANDS,
        deadline_seconds: float = COMMAND_DEADLINE_SECONDS,
    ) -> None:
        self._connect = connect
        self._partitions = partitions
        self._max_queue = max_queue
        self._deadline_seconds = deadline_seconds
        self._queue: deque[_Waiting] = deque()
        self._arrived = asyncio.Event()
        self._connection: asyncpg.Connection | None = None
        self._ending = False

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator["Appender"]:
        """Stores commands until the block ends; what waits or is on its way then gets its outcome first."""
        task = asyncio.create_task(self._run(), name="appender")
        try:
            yield self
        finally:
            self._ending = True
            self._arrived.set()
            try:
                await task
            finally:
                self._drop_connection()

    @property
    def queued(self) -> int:
        """How many commands wait for the next batch."""
        return len(self._queue)

    async def submit(self, prepared: Prepared) -> Outcome:
        """Stores one command.

        Raises:
            InvalidRequest: PostgreSQL cannot store its data; other commands are not affected.
            Overloaded: too many wait, the process is stopping, or the database stayed away until the deadline (the
                outcome is unknown then).
        """
        if self._ending:
            raise Overloaded("This process is stopping; try again shortly.")
        if len(self._queue) >= self._max_queue:
            raise Overloaded("Too many commands are waiting; try again shortly.")
        loop = asyncio.get_running_loop()
        waiting = _Waiting(prepared, loop.create_future(), loop.time() + self._deadline_seconds)
        self._queue.append(waiting)
        self._arrived.set()
        return await waiting.outcome

    async def _run(self) -> None:
        while self._queue or not self._ending:
            await self._arrived.wait()
            if batch := self._take():
                await self._settle(batch)
            if not self._queue:
                self._arrived.clear()

    def _take(self) -> list[_Waiting]:
        batch: list[_Waiting] = []
        size_bytes = 0
        while self._queue and len(batch) < MAX_BATCH_COMMANDS and size_bytes < MAX_BATCH_BYTES:
            waiting = self._queue.popleft()
            if not waiting.outcome.done():  # its request may have been given up
                batch.append(waiting)
                size_bytes += waiting.prepared.size_bytes
        return batch

    async def _settle(self, batch: list[_Waiting]) -> None:
        """Stores a batch, whatever it takes, until every command has an outcome or its deadline passed."""
        pause = FIRST_PAUSE_SECONDS
        resend = False
        while batch:
            try:
                await self._store(batch, resend=resend)
            except Exception as error:  # whatever it was, the outcome is unknown: ask again
                self._drop_connection()
                log.warning("append_interrupted", commands=len(batch), error=f"{type(error).__name__}: {error}")
                batch = self._without_late(batch)
                resend = True
                await asyncio.sleep(pause)  # back-off: the database is away
                pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
            else:
                return

    async def _store(self, batch: Sequence[_Waiting], *, resend: bool) -> None:
        """Sends a batch; when PostgreSQL rejects its data, halves it until only the culprit fails."""
        try:
            results = await self._call([waiting.prepared for waiting in batch], resend=resend)
        except UNSTORABLE as error:
            if len(batch) > 1:
                middle = len(batch) // 2
                await self._store(batch[:middle], resend=resend)
                await self._store(batch[middle:], resend=resend)
                return
            log.warning("append_unstorable", error=type(error).__name__)
            _fail(
                batch[0],
                InvalidRequest("The data cannot be stored: they hold characters or values that are not allowed."),
            )
        else:
            for waiting, result in zip(batch, results, strict=True):
                if not waiting.outcome.done():
                    waiting.outcome.set_result(result)

    async def _call(self, batch: Sequence[Prepared], *, resend: bool) -> list[Outcome]:
        values = arguments(batch, self._partitions, resend=resend)
        async with asyncio.timeout(CALL_TIMEOUT_SECONDS):
            if self._connection is None:
                self._connection = await self._connect()
            answer = await self._connection.fetchrow(CALL, *values)
        return outcomes(batch, self._partitions, answer)

    def _without_late(self, batch: Sequence[_Waiting]) -> list[_Waiting]:
        now = asyncio.get_running_loop().time()
        for waiting in batch:
            if waiting.deadline <= now:
                _fail(
                    waiting, Overloaded("The database did not answer in time; it is not known whether this was stored.")
                )
        return [waiting for waiting in batch if not waiting.outcome.done()]

    def _drop_connection(self) -> None:
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None


def _fail(waiting: _Waiting, error: MimoError) -> None:
    if not waiting.outcome.done():
        waiting.outcome.set_exception(error)
