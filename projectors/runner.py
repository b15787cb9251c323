"""Keeps one generation up with the log, for ever: follows, applies, backs off, begins again.

It must not know where the log is, how a batch is applied, nor any particular projection.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Sequence
from time import monotonic

import structlog

from events.ports import Assigned, Away, Batch, CaughtUp, EventLog, Item, Reached
from events.recorded import Delivered
from projectors.batches import Batches, Stopped
from projectors.checkpoints import CheckpointMoved, Generation
from projectors.failures import Failure, classify, described
from projectors.progress import Progress, State

BATCH_EVENTS = 5000
"""Only a backlog fills it; each transaction also moves a dozen checkpoints and the counters of its channels once."""
FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 30.0
LONGEST_REST_SECONDS = 0.5

_log = structlog.get_logger("mimo.runner")


class Runner:
    """Runs one generation. Several processes may do so at once: they share its partitions.

    Args:
        generation: which one.
        topics: what it consumes.
        log: what it follows.
        batches: applies what comes.
        progress: is told what happens.
        rest: how long to rest after each batch, as a multiple of the time that it took.
        batch_events: the most events in one transaction.
        first_pause_seconds: how long to back off after a first failure.
    """

    def __init__(
        self,
        generation: Generation,
        topics: Sequence[str],
        log: EventLog,
        batches: Batches,
        progress: Progress,
        *,
        rest: float = 0.0,
        batch_events: int = BATCH_EVENTS,
        first_pause_seconds: float = FIRST_PAUSE_SECONDS,
    ) -> None:
        self._generation = generation
        self._topics = topics
        self._log = log
        self._batches = batches
        self._progress = progress
        self._rest = rest
        self._batch_events = batch_events
        self._first_pause_seconds = self._pause_seconds = first_pause_seconds
        self._delivery: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Runs until it is cancelled."""
        try:
            while True:
                await self._follow_once()
        finally:
            if self._delivery is not None:
                self._delivery.cancel()
                await asyncio.wait((self._delivery,))
                if not self._delivery.cancelled():
                    self._delivery.exception()  # looked at, so that it is not reported as forgotten

    async def _follow_once(self) -> None:
        try:
            await self._follow()
        except CheckpointMoved as moved:
            _log.info("checkpoint_moved", generation=self._generation.schema, detail=str(moved))
        except Stopped as stopped:
            await self._back_off("poison", State.STOPPED, str(stopped))
        except Exception as error:
            await self._back_off(str(classify(error)), State.BACKING_OFF, described(error))

    async def load(self, partitions: frozenset[int]) -> Reached:
        """The checkpoints, once nothing is on its way to them. Implements `events.ports.Checkpoints`."""
        if self._delivery is not None:
            await asyncio.wait((self._delivery,))
        return await self._batches.load(partitions)

    async def _follow(self) -> None:
        topics, group = self._topics, self._generation.schema
        try:
            async with self._log.follow(topics, self, group=group, batch_size=self._batch_events) as items:
                async for item in items:
                    await self._take(item)
        except Exception:
            with contextlib.suppress(Exception):  # one reason to begin again is enough
                await self._delivered()
            raise

    async def _delivered(self) -> None:
        """Waits for the batch that is on its way."""
        if self._delivery is not None:
            delivery, self._delivery = self._delivery, None
            await delivery
            self._pause_seconds = self._first_pause_seconds

    async def _take(self, item: Item) -> None:
        match item:
            case Batch() as batch:
                # While PostgreSQL works on one batch, the next is decoded.
                opened = await self._batches.open(batch.events)
                await self._delivered()
                self._delivery = asyncio.create_task(self._deliver(batch, opened))
            case CaughtUp():
                await self._delivered()
                self._progress.caught_up()
            case Assigned(partitions):
                await self._delivered()
                self._progress.assigned(len(partitions))
            case Away(reason):
                await self._delivered()
                self._progress.failed(Failure.TRANSIENT, State.BACKING_OFF, reason)

    async def _deliver(self, batch: Batch, opened: Sequence[Delivered] | None) -> None:
        started = monotonic()
        await self._batches.deliver(batch, opened)
        if self._rest:
            await asyncio.sleep(min(self._rest * (monotonic() - started), LONGEST_REST_SECONDS))

    async def _back_off(self, failure: str, state: State, reason: str) -> None:
        """Waits longer each time, at most half a minute: whatever it was may be mended while we wait."""
        if (self._progress.state, self._progress.reason) != (state, reason):
            _log.error("projection_failed", generation=self._generation.schema, state=state, reason=reason)
        self._progress.failed(failure, state, reason)
        await asyncio.sleep(self._pause_seconds * random.uniform(0.5, 1.5))  # noqa: S311 - spreads retries
        self._pause_seconds = min(2 * self._pause_seconds, LONGEST_PAUSE_SECONDS)
