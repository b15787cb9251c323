"""The projector process's work: every projection, all its generations, and an eye on those of other versions.

It must not know HTTP or settings; what it needs is handed over.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial

import asyncpg

from events.ports import EventLog
from projectors.keeping import Keeping
from projectors.projection import Projection
from projectors.session import Connect
from projectors.tending import Tending
from projectors.upkeep import Upkeep


class Worker:
    """All projections of one process.

    Args:
        projections: which ones.
        connect: opens a connection in the role that writes views.
        log: what they follow.
        pool: further connections in that role, used shortly.
    """

    def __init__(
        self,
        projections: Sequence[Projection],
        connect: Connect,
        log: EventLog,
        pool: asyncpg.Pool,
    ) -> None:
        self._upkeep = Upkeep(connect, log, pool)
        self._keeping = {
            projection.name: Keeping(projection, pool, partial(self._upkeep.keep_up, projection))
            for projection in projections
        }
        self._tending = Tending([(one.name, one.version) for one in projections], pool, self._upkeep)

    @property
    def checks(self) -> Mapping[str, Callable[[], Awaitable[str | None]]]:
        """What readiness asks, by projection."""
        return {name: keeping.unready for name, keeping in self._keeping.items()}

    async def run(self) -> None:
        """Runs everything until it is cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._upkeep.run(), name="upkeep")
            tasks.create_task(self._tending.run(), name="tending")
            for name, keeping in self._keeping.items():
                tasks.create_task(keeping.run(), name=name)
