"""Replay: builds a projection's next generation from the log beside the live one, hands it over to the projector
processes, and shows it to readers once it has everything that they see now.

Whoever is killed in the middle: the generation keeps what it has, and the next replay goes on with it. It must not know
how events are applied, nor where its jobs run.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from enum import StrEnum
from time import monotonic
from typing import Protocol

import asyncpg

from events.errors import MimoError
from infra.event_log.membership import members
from projectors.checkpoints import Generation
from projectors.failures import described
from projectors.generations import Status, is_late, live_generation, next_generation, stand_by
from projectors.projection import Projection
from projectors.switching import NotReached, switch

LOOK_SECONDS = 0.25
HAND_OVER_SECONDS = 10.0
"""How long to wait for the projector processes to follow what was built; they look every second."""
SWITCH_SECONDS = 60.0

_ALONE = "select pg_try_advisory_lock(hashtextextended('mimo replay of ' || $1, 0))"
_STANDING = """
    select g.status, sum(c."offset")::bigint as applied, max(c.stopped) as stopped,
      sum(coalesce((select max(e."offset") from log.tail e
                    where e.topic = c.topic and e.partition = c.partition), 0))::bigint as events
    from projection.generation g join projection.checkpoint c using (projection, generation)
    where g.projection = $1 and g.generation = $2 group by g.status"""


class ReplayFailed(MimoError):
    """A replay cannot go on; what was built so far is kept, and the next one goes on with it."""


class Phase(StrEnum):
    """What a replay is doing."""

    BUILDING = "building"
    HANDING_OVER = "handing over"
    SWITCHING = "switching"


@dataclass(frozen=True)
class Standing:
    """How far a replay is.

    Attributes:
        generation: what is built.
        phase: what is being done.
        applied: events that it has.
        events: events that the log has for it now.
    """

    generation: Generation
    phase: Phase
    applied: int
    events: int

    def told(self) -> tuple[str, int, int]:
        """What is being done, in words, and how many events of how many are applied."""
        return f"{self.phase} {self.generation.schema}", self.applied, self.events


class Jobs(Protocol):
    """The processes that build. Ended when their context ends."""

    def ended(self) -> str | None:
        """Why one of them has ended, in a sentence; None while all run."""


class Replay:
    """One replay of one projection.

    Args:
        projection: which one.
        connection: in the role that writes views; nobody else uses it, and it is held until the end.
        jobs: starts the processes that build a generation.
        tell: is told how far it is, a few times a second.
        patience_seconds: how long to wait for another replay of the projection to end, before giving up.
    """

    def __init__(
        self,
        projection: Projection,
        connection: asyncpg.Connection,
        jobs: Callable[[Generation], AbstractAsyncContextManager[Jobs]],
        tell: Callable[[Standing], None],
        patience_seconds: float = 0.0,
    ) -> None:
        self._projection = projection
        self._connection = connection
        self._jobs = jobs
        self._tell = tell
        self._patience_seconds = patience_seconds

    async def run(self) -> Generation:
        """Runs until readers see the new generation.

        Returns:
            That generation.

        Raises:
            ReplayFailed: the text says why, and what to do.
        """
        await self._be_alone()
        generation, status = await next_generation(self._connection, self._projection)
        if status is Status.BUILDING:
            async with self._jobs(generation) as jobs:
                await self._build(generation, jobs)
                await stand_by(self._connection, generation)
                await self._hand_over(generation, jobs)
        else:
            await self._build(generation, None)
        await self._switch(generation)
        return generation

    async def _be_alone(self) -> None:
        give_up_at = monotonic() + self._patience_seconds
        while not await self._connection.fetchval(_ALONE, self._projection.name):
            if monotonic() >= give_up_at:
                raise ReplayFailed(f"{self._projection.name} is being replayed already.")
            await asyncio.sleep(LOOK_SECONDS)

    async def _build(self, generation: Generation, jobs: Jobs | None) -> None:
        """Waits until it has what the log has; without jobs, the projector processes build it."""
        while True:
            await self._look(generation, Phase.BUILDING)
            if not await is_late(self._connection, generation):
                await self._look(generation, Phase.BUILDING)
                return
            if jobs is not None and (ended := jobs.ended()) is not None:
                raise ReplayFailed(f"{ended} What was built is kept: run the same again.")
            await asyncio.sleep(LOOK_SECONDS)

    async def _hand_over(self, generation: Generation, jobs: Jobs) -> None:
        """Waits until others follow it too, so that it does not fall behind when the jobs end."""
        live = await live_generation(self._connection, self._projection)
        if live is None or not await members(self._connection, live.schema):
            return  # no projector process runs: nobody would come, and the live one stands still
        mine = await members(self._connection, generation.schema)
        give_up_at = monotonic() + HAND_OVER_SECONDS
        while monotonic() < give_up_at and jobs.ended() is None:
            await self._look(generation, Phase.HANDING_OVER)
            if await members(self._connection, generation.schema) > mine:
                return
            await asyncio.sleep(LOOK_SECONDS)

    async def _switch(self, generation: Generation) -> None:
        async def switched() -> None:
            await self._look(generation, Phase.SWITCHING)
            await switch(self._connection, self._projection, generation)

        await patiently(switched)

    async def _look(self, generation: Generation, phase: Phase) -> Standing:
        row = await self._connection.fetchrow(_STANDING, generation.projection, generation.number)
        if row is None or row["status"] == "retired":
            raise ReplayFailed(f"{generation.schema} was dropped meanwhile.")
        if row["stopped"] is not None:
            raise ReplayFailed(f"{generation.schema} stands still before an event: {row['stopped']}")
        standing = Standing(generation, phase, row["applied"], row["events"])
        self._tell(standing)
        return standing


async def patiently(work: Callable[[], Awaitable[object]]) -> None:
    """Tries something again while readers or writers are in its way.

    Raises:
        ReplayFailed: they were for too long.
    """
    give_up_at = monotonic() + SWITCH_SECONDS
    while True:
        try:
            await work()
            return
        except (NotReached, asyncpg.LockNotAvailableError) as error:
            if monotonic() > give_up_at:
                raise ReplayFailed(
                    f"Others were in the way for {SWITCH_SECONDS:.0f} s ({described(error)}): run the same again."
                ) from error
        await asyncio.sleep(LOOK_SECONDS)
