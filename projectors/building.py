"""`python -m projectors.building`: one process that fills a generation, on behalf of a replay.

Several share the generation's partitions. It works until it is ended, at a lower priority than those who serve. It must
not know when the generation is complete.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial
from time import monotonic
from typing import Any

import uvloop

from events.bookmark import Place
from events.errors import CannotStart, MimoError
from events.ports import Batch, Checkpoints, EventLog, Item
from infra.calm import calm_collector
from infra.event_log.membership import Pace
from infra.postgres import Role, connect, pool
from infra.settings import Settings, load_settings
from infra.telemetry import configure_logging
from projectors.checkpoints import Generation
from projectors.following import log_of
from projectors.progress import Progress
from projectors.upkeep import Upkeep
from projectors.views import PROJECTIONS

APPLICATION = "mimo-replay"
CONNECTIONS = 2
NICENESS = 10
PACE = Pace(heartbeat_seconds=0.5)
"""The first one that runs takes all partitions; the others get their share at its next heartbeat."""
SOURCES = ("log", "kafka")


class Throttled:
    """A log that delivers no more than so many events a second. Implements `events.ports.EventLog`.

    Args:
        log: the log.
        rate: events a second.
    """

    def __init__(self, log: EventLog, rate: float) -> None:
        self._log = log
        self._rate = rate

    @asynccontextmanager
    async def follow(
        self, topics: Sequence[str], checkpoints: Checkpoints, *, group: str | None = None, batch_size: int = 1000
    ) -> AsyncIterator[AsyncIterator[Item]]:
        """As the port says; batches hold a second's events at most."""
        size = max(1, min(batch_size, int(self._rate)))
        async with self._log.follow(topics, checkpoints, group=group, batch_size=size) as items:
            yield self._slowly(items)

    async def ends(self, topics: Sequence[str]) -> Mapping[Place, int]:
        """As the port says."""
        return await self._log.ends(topics)

    async def _slowly(self, items: AsyncIterator[Item]) -> AsyncIterator[Item]:
        due_at = monotonic()
        async for item in items:
            if isinstance(item, Batch):
                await asyncio.sleep(due_at - monotonic())
                due_at = max(due_at, monotonic() - 1) + len(item.events) / self._rate
            yield item


def command(generation: Generation, source: str, rate: float | None) -> list[str]:
    """The command line of a process that builds.

    Args:
        generation: what.
        source: from where, one of `SOURCES`.
        rate: the most events a second; None: as many as it can.
    """
    given = ["--rate", str(rate)] if rate is not None else []
    names = [generation.projection, str(generation.version), str(generation.number)]
    return [sys.executable, "-m", "projectors.building", *names, "--source", source, *given]


async def build(settings: Settings, generation: Generation, source: str, rate: float | None) -> None:
    """Fills a generation until it is cancelled.

    Args:
        settings: where the log is.
        generation: what.
        source: from where, one of `SOURCES`.
        rate: the most events a second; None: as many as it can.

    Raises:
        CannotStart: this code does not build that.
    """
    projection = next(one for one in PROJECTIONS if one.name == generation.projection)
    if projection.version != generation.version:
        raise CannotStart(f"This code builds version {projection.version} of {projection.name}.")
    url = settings.require_database_url
    own = partial(connect, url, application=APPLICATION, role=Role.PROJECTOR)
    chosen = settings if source == "kafka" else settings.model_copy(update={"kafka_bootstrap": None})
    log = log_of(chosen, own, PACE)
    if rate is not None:
        log = Throttled(log, rate)
    async with pool(url, application=APPLICATION, role=Role.PROJECTOR, min_size=0, max_size=CONNECTIONS) as opened:
        upkeep = Upkeep(own, log, opened)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(upkeep.run(), name="upkeep")
            progress = Progress(projection.name, live=False)
            tasks.create_task(upkeep.keep_up(projection, generation, progress), name=generation.schema)


def main(arguments: Sequence[str]) -> int:
    """Build until a signal ends it."""
    parser = argparse.ArgumentParser(prog="python -m projectors.building")
    parser.add_argument("projection", choices=[projection.name for projection in PROJECTIONS])
    parser.add_argument("version", type=int)
    parser.add_argument("number", type=int)
    parser.add_argument("--source", choices=SOURCES, default="log")
    parser.add_argument("--rate", type=float)
    given = parser.parse_args(arguments)
    generation = Generation(given.projection, given.version, given.number)
    with suppress(OSError):
        os.nice(NICENESS)
    try:
        settings = load_settings()
        configure_logging(settings, APPLICATION)
        calm_collector()
        uvloop.run(_until_told(build(settings, generation, given.source, given.rate)))
    except MimoError as error:
        print(error, file=sys.stderr)  # noqa: T201 - whoever started it passes it on
        return 1
    return 0


async def _until_told(work: Coroutine[Any, Any, None]) -> None:
    working = asyncio.ensure_future(work)
    for signum in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(signum, working.cancel)
    with suppress(asyncio.CancelledError):
        await working


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
