"""Verifying: proof that a live view equals the fold of the log.

The projection is built once more, aside, from the log; then live and aside are compared row by row at one and the same
checkpoint. The live one is looked at in a snapshot, so nobody is held up, and the one aside is brought to exactly the
offsets that the snapshot has. It must not know how rows are compared.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

import asyncpg

from events.bookmark import Place
from events.errors import MimoError
from infra.event_log.postgres import PostgresLog
from projectors import checkpoints
from projectors.batches import Batches
from projectors.checkpoints import Generation
from projectors.comparing import Comparison, compare
from projectors.generations import aside, drop_retired, live_generation, retire
from projectors.progress import Progress
from projectors.projection import Projection
from projectors.section import apply_upto
from projectors.session import Connect
from projectors.upkeep import Upkeep

LOOKS = 3
"""A difference must be found so often: while somebody is being erased, views and log agree only a moment later."""
PAUSE_SECONDS = 1.0

_ALONE = "select pg_try_advisory_lock(hashtextextended('mimo verify of ' || $1, 0))"


class CannotVerify(MimoError):
    """A view cannot be verified now; the text says why."""


@dataclass(frozen=True)
class Verdict:
    """What verifying a projection found.

    Attributes:
        generation: the live one that was looked at.
        checkpoint: the offsets at which it was compared.
        comparison: with what the log gives.
    """

    generation: Generation
    checkpoint: dict[Place, int]
    comparison: Comparison


class Verification:
    """Verifies one projection.

    Args:
        projection: which one.
        connect: opens a connection in the role that writes views.
        endless: the same without a time-out for transactions.
        pool: further connections in that role.
        tell: is told how many events of how many are applied.
    """

    def __init__(
        self,
        projection: Projection,
        connect: Connect,
        endless: Connect,
        pool: asyncpg.Pool,
        tell: Callable[[int, int], None],
    ) -> None:
        self._projection = projection
        self._connect = connect
        self._endless = endless
        self._pool = pool
        self._tell = tell

    async def run(self) -> Verdict:
        """Builds, compares and clears away.

        Raises:
            CannotVerify: nothing is live, or it is being verified already.
            Stopped: an event cannot be applied.
        """
        connection = await self._connect()
        try:
            if not await connection.fetchval(_ALONE, self._projection.name):
                raise CannotVerify(f"{self._projection.name} is being verified already.")
            built = await aside(connection, self._projection)
            try:
                return await self._compared(built)
            finally:
                await retire(connection, built.projection, built.number)
                await drop_retired(connection, self._projection)
        finally:
            connection.terminate()

    async def _compared(self, built: Generation) -> Verdict:
        upkeep = Upkeep(self._connect, PostgresLog(self._connect), self._pool)
        reading = await self._endless()
        erasing = asyncio.create_task(upkeep.run(), name="upkeep")
        try:
            with upkeep.writing(self._projection, built, Progress(self._projection.name, live=False)) as batches:
                async with self._looking() as (_, _, upto):
                    pass  # the long way is gone without holding a snapshot
                await apply_upto(reading, self._projection, batches, upto, self._tell)
                verdict = await self._look(reading, batches, built)
                for _ in range(LOOKS - 1):
                    if verdict.comparison.equal:
                        break
                    await asyncio.sleep(PAUSE_SECONDS)
                    verdict = await self._look(reading, batches, built)
                return verdict
        finally:
            reading.terminate()
            erasing.cancel()
            with suppress(asyncio.CancelledError):
                await erasing

    async def _look(self, reading: asyncpg.Connection, batches: Batches, built: Generation) -> Verdict:
        async with self._looking() as (live, found, upto):
            await apply_upto(reading, self._projection, batches, upto, self._tell)
            return Verdict(live, upto, await compare(found, live, reading, built))

    @asynccontextmanager
    async def _looking(self) -> AsyncIterator[tuple[Generation, asyncpg.Connection, dict[Place, int]]]:
        """The live generation in a snapshot, and the checkpoints that it has there."""
        connection = await self._endless()
        try:
            async with connection.transaction(isolation="repeatable_read", readonly=True):
                live = await live_generation(connection, self._projection)
                if live is None:
                    raise CannotVerify(f"Readers see no generation of {self._projection.name} yet.")
                yield live, connection, await checkpoints.offsets(connection, live)
        finally:
            connection.terminate()
