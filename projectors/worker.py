"""The projector process's work: finds the generations of every projection and runs them all.

It must not know HTTP or settings; what it needs is handed over.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from functools import partial
from typing import TypeVar
from uuid import UUID

import asyncpg
import structlog

from events.ports import EventLog
from infra.sealing import KeyRing
from infra.session_ends import ErasedKeys, SessionEnds
from projectors import checkpoints
from projectors.batches import Batches
from projectors.checkpoints import Generation
from projectors.erasing import Erasing
from projectors.failures import described
from projectors.generations import drop_retired, followed
from projectors.opening import Opener
from projectors.progress import Progress, State
from projectors.projection import Projection
from projectors.runner import FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS, Runner
from projectors.session import Connect, ViewSession
from projectors.wiping import Wiping

_DATA_KEYS = "select user_id, key from log.data_keys($1::uuid[])"
ERASED_WINDOW_SECONDS = 60.0
"""Longer than a look-up of keys can take that began before somebody was erased."""
ERASED_BREATH_SECONDS = 0.25
_log = structlog.get_logger("mimo.worker")
T = TypeVar("T")


class Worker:
    """All projections of one process.

    Args:
        projections: which ones.
        connect: opens a connection in the role that writes views.
        log: what they follow.
        keys: where the keys of personal data are looked up, and where the erased are taken out of the views.
    """

    def __init__(
        self,
        projections: Sequence[Projection],
        connect: Connect,
        log: EventLog,
        keys: asyncpg.Pool,
    ) -> None:
        self._projections = projections
        self._connect = connect
        self._log = log
        self._asking = keys
        self._ring = KeyRing(partial(_fetch_keys, keys))
        self._wiping = Wiping(connect)
        self._erasing = Erasing(keys, self._wiping.wake)
        self._progress = {projection.name: Progress(projection.name) for projection in projections}

    @property
    def checks(self) -> Mapping[str, Callable[[], Awaitable[str | None]]]:
        """What readiness asks, by projection."""
        return {name: partial(self._unready, name) for name in self._progress}

    async def run(self) -> None:
        """Runs everything until it is cancelled."""
        erased = SessionEnds(
            self._connect,
            ERASED_WINDOW_SECONDS,
            ErasedKeys(self._ring),
            self._erasing,
            breath_seconds=ERASED_BREATH_SECONDS,
        )
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(erased.run(), name="erased")
            tasks.create_task(self._erasing.run(), name="erasing")
            tasks.create_task(self._wiping.run(), name="wiping")
            for projection in self._projections:
                tasks.create_task(self._run(projection), name=projection.name)

    async def _unready(self, projection: str) -> str | None:
        """What this process knows; else what any process wrote down, for whoever is asked answers for all."""
        return self._progress[projection].unready() or await checkpoints.stopped(self._asking, projection)

    async def _run(self, projection: Projection) -> None:
        progress = self._progress[projection.name]
        generations = await self._found(projection, progress)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._drop_retired(projection), name=f"drop retired {projection.name}")
            for generation in generations:
                self._erasing.keep(projection, generation)
                self._wiping.keep(projection, generation)
                tasks.create_task(self._keep_up(projection, generation, progress), name=generation.schema)

    async def _keep_up(self, projection: Projection, generation: Generation, progress: Progress) -> None:
        session = ViewSession(self._connect, generation)
        opener = Opener(projection, self._ring)
        batches = Batches(projection, generation, session, opener, progress)
        try:
            await Runner(generation, projection.topics, self._log, batches, progress).run()
        finally:
            session.close()

    async def _found(self, projection: Projection, progress: Progress) -> list[Generation]:
        """The generations to keep up."""

        def failed(reason: str) -> None:
            progress.failed("start", State.BACKING_OFF, reason)
            _log.warning("generations_not_found", projection=projection.name, reason=reason)

        return await self._until_done(partial(followed, projection=projection), failed)

    async def _drop_retired(self, projection: Projection) -> None:
        """Drops what nobody follows any more, once no reader is in the way."""

        def failed(reason: str) -> None:
            _log.warning("generations_not_dropped", projection=projection.name, reason=reason)

        await self._until_done(partial(drop_retired, projection=projection), failed)

    async def _until_done(self, work: Callable[[asyncpg.Connection], Awaitable[T]], failed: Callable[[str], None]) -> T:
        """Has something done on a connection of its own; tries again, ever less often, for as long as it takes."""
        pause_seconds = FIRST_PAUSE_SECONDS
        while True:
            try:
                connection = await self._connect()
                try:
                    return await work(connection)
                finally:
                    connection.terminate()
            except Exception as error:
                failed(described(error))
            await asyncio.sleep(pause_seconds)
            pause_seconds = min(2 * pause_seconds, LONGEST_PAUSE_SECONDS)


async def _fetch_keys(keys: asyncpg.Pool, people: Collection[UUID]) -> dict[UUID, bytes]:
    return {row["user_id"]: row["key"] for row in await keys.fetch(_DATA_KEYS, list(people))}
