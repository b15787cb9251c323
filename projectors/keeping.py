"""Keeps one projection's generations up with the log, each in a task of its own, as they come and go.

It must not know how a generation is filled, nor the other projections.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

import asyncpg
import structlog

from projectors import checkpoints, generations
from projectors.checkpoints import Generation
from projectors.failures import described
from projectors.generations import Status
from projectors.progress import Progress
from projectors.projection import Projection

LOOK_SECONDS = 1.0
"""How soon a generation is followed that became a standby, and one is let go that was dropped."""
LOOK_AGAIN_SECONDS = 0.25
"""How soon the first generation is shown that is built."""

KeepUp = Callable[[Generation, Progress], Coroutine[Any, Any, None]]
_log = structlog.get_logger("mimo.keeping")


class Keeping:
    """The generations of one projection in one process.

    Args:
        projection: whose.
        pool: connections in the role that writes views; one at a time is used.
        keep_up: keeps one generation up until it is cancelled.
    """

    def __init__(self, projection: Projection, pool: asyncpg.Pool, keep_up: KeepUp) -> None:
        self._projection = projection
        self._pool = pool
        self._keep_up = keep_up
        self._kept: dict[Generation, tuple[Progress, asyncio.Task[None]]] = {}
        self._live: Generation | None = None
        self._trouble: str | None = None
        self._glance = ""

    async def run(self) -> None:
        """Runs until it is cancelled."""
        async with asyncio.TaskGroup() as tasks:
            while True:
                await self._look(tasks)
                await asyncio.sleep(LOOK_SECONDS if self._live is not None else LOOK_AGAIN_SECONDS)

    async def unready(self) -> str | None:
        """Why readers cannot rely on the projection. What this process knows; else what any process wrote down."""
        if self._live is None:
            return "being built" if self._trouble is None else f"backing off: {self._trouble}"
        progress, _ = self._kept[self._live]
        name, version = self._projection.name, self._projection.version
        return progress.unready() or await checkpoints.stopped(self._pool, name, version)

    async def _look(self, tasks: asyncio.TaskGroup) -> None:
        try:
            async with self._pool.acquire() as connection:
                glance = await generations.glance(connection, self._projection)
                if self._live is None or glance != self._glance:
                    await self._keep(await generations.followed(connection, self._projection), tasks)
                    for dropped in await generations.drop_retired(connection, self._projection.name):
                        _log.info("generation_dropped", generation=dropped.schema)
                    self._glance = glance
        except Exception as error:
            self._say(described(error))
        else:
            self._say(None)

    def _say(self, trouble: str | None) -> None:
        if trouble is not None and trouble != self._trouble:
            _log.warning("generations_not_kept", projection=self._projection.name, reason=trouble)
        self._trouble = trouble

    async def _keep(self, found: Mapping[Generation, Status], tasks: asyncio.TaskGroup) -> None:
        for generation, status in found.items():
            if generation not in self._kept:
                progress = Progress(self._projection.name, live=False)
                task = tasks.create_task(self._keep_up(generation, progress), name=generation.schema)
                self._kept[generation] = (progress, task)
            self._kept[generation][0].shown(live=status is Status.LIVE)
        self._live = next((one for one, status in found.items() if status is Status.LIVE), None)
        for generation in self._kept.keys() - found.keys():
            await self._let_go(generation)

    async def _let_go(self, generation: Generation) -> None:
        progress, task = self._kept.pop(generation)
        progress.shown(live=False)
        task.cancel()
        await asyncio.wait((task,))
