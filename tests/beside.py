"""Work that goes on beside a test for as long as a block lasts."""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Any

from events.ports import EventLog
from infra.event_log.postgres import PostgresLog
from infra.postgres import Role, connect, pool
from projectors.projection import Projection
from projectors.views import PROJECTIONS
from projectors.worker import Worker


@asynccontextmanager
async def beside(work: Coroutine[Any, Any, Any]) -> AsyncIterator[asyncio.Task[Any]]:
    """Has it go on until the block ends, and cancels it then; what it failed with before that is raised.

    Args:
        work: mostly something that goes on for ever.
    """
    task = asyncio.create_task(work)
    try:
        yield task
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


@asynccontextmanager
async def projecting(
    url: str, log: EventLog | None = None, projections: Sequence[Projection] = PROJECTIONS
) -> AsyncIterator[Worker]:
    """Does what a projector process does, until the block ends.

    Args:
        url: the database.
        log: what is followed; None: the log in it.
        projections: which ones.
    """
    own = partial(connect, url, application="test-worker", role=Role.PROJECTOR)
    async with pool(url, application="test-worker", role=Role.PROJECTOR) as opened:
        worker = Worker(projections, own, PostgresLog(own) if log is None else log, opened)
        async with beside(worker.run()):
            yield worker
