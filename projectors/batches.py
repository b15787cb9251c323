"""Applies batches to one generation: a transaction each, cut smaller when something in them cannot be applied.

It must not know where events come from nor what the projection does with them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from time import perf_counter

import structlog

from events.bookmark import Place
from events.errors import MimoError, UndecodableEvent
from events.ports import Batch, Reached
from events.recorded import Delivered, Recorded
from projectors import checkpoints
from projectors.checkpoints import CheckpointMoved, Generation
from projectors.failures import Failure, classify, described
from projectors.opening import Opener
from projectors.parked import Key, park, parked_keys
from projectors.progress import Progress
from projectors.projection import Policy, Projection
from projectors.session import ViewSession

_log = structlog.get_logger("mimo.batches")


class Stopped(MimoError):
    """An event cannot be applied and the policy is to stop before it. The text says which and why."""


class Batches:
    """One generation's writer. Use it from one task.

    Args:
        projection: applies the events.
        generation: whose tables and checkpoints.
        session: where to write.
        opener: decodes.
        progress: is told what happens.
    """

    def __init__(
        self,
        projection: Projection,
        generation: Generation,
        session: ViewSession,
        opener: Opener,
        progress: Progress,
    ) -> None:
        self._projection = projection
        self._generation = generation
        self._session = session
        self._opener = opener
        self._progress = progress
        self._offsets: dict[Place, int] = {}
        self._parked: set[Key] = set()

    async def load(self, partitions: frozenset[int]) -> Reached:
        """The checkpoints of some partitions, from which `deliver` goes on."""
        connection = await self._session.connection()
        reached = await checkpoints.load(connection, self._generation, partitions)
        self._offsets = dict(reached.offsets)
        self._parked = await parked_keys(connection, self._generation)
        return reached

    async def open(self, events: Sequence[Recorded]) -> Sequence[Delivered] | None:
        """Decodes events ahead of their turn; None when one of them cannot be, which `deliver` will find out again."""
        try:
            return await self._opener.open(events)
        except UndecodableEvent:
            return None

    async def deliver(self, batch: Batch, opened: Sequence[Delivered] | None = None) -> None:
        """Applies events that follow on the checkpoints.

        Args:
            batch: what comes next.
            opened: its events as `open` returned them, if it was asked.

        Raises:
            CheckpointMoved: somebody else did; load again.
            Stopped: one of them cannot be applied; those before it are.
            Exception: what `failures.classify` calls transient; load again later.
        """
        events = batch.events
        try:
            await self._commit(batch, opened)
        except CheckpointMoved:
            raise
        except Exception as error:
            failure = classify(error)
            if failure is Failure.TRANSIENT or (failure is Failure.SLOW and len(events) == 1):
                raise
            if len(events) == 1:
                await self._give_up(events[0], batch.hints, error)
                return
            middle = len(events) // 2
            await self.deliver(Batch(events[:middle]))
            await self.deliver(Batch(events[middle:], batch.hints))

    async def _commit(self, batch: Batch, opened: Sequence[Delivered] | None) -> None:
        started, events = perf_counter(), batch.events
        if self._parked and any((event.topic, event.key) in self._parked for event in events):
            await self._commit_behind_parked(batch)
        else:
            delivered = await self._opener.open(events) if opened is None else opened
            connection = await self._session.connection()
            async with connection.transaction():
                moves = self._moves(events)
                await checkpoints.move(connection, self._generation, moves, batch.hints)
                if delivered:
                    await self._projection.apply(connection, delivered)
            self._moved(moves)
        self._progress.applied(len(events), perf_counter() - started)

    async def _commit_behind_parked(self, batch: Batch) -> None:
        """Some events belong to keys that are parked; once the checkpoints are locked, ask which still are."""
        connection, events = await self._session.connection(), batch.events
        async with connection.transaction():
            moves = self._moves(events)
            await checkpoints.move(connection, self._generation, moves, batch.hints)
            still = await parked_keys(connection, self._generation)
            behind = [event for event in events if (event.topic, event.key) in still]
            await park(connection, self._generation, behind, "behind an earlier event of its key")
            clear = [event for event in events if (event.topic, event.key) not in still]
            if delivered := await self._opener.open(clear):
                await self._projection.apply(connection, delivered)
        self._parked = still
        self._moved(moves)
        self._progress.parked(len(behind))

    async def _give_up(self, event: Recorded, hints: Mapping[Place, int], error: Exception) -> None:
        """One event cannot be applied: stop before it, or set it aside."""
        told = f"{event.type} {event.topic}.{event.partition}:{event.offset}: {described(error)}"
        connection = await self._session.connection()
        if self._projection.policy is Policy.STOP:
            await checkpoints.stop(connection, self._generation, (event.topic, event.partition), told)
            raise Stopped(told) from error
        async with connection.transaction():
            moves = self._moves((event,))
            await checkpoints.move(connection, self._generation, moves, hints)
            await park(connection, self._generation, (event,), described(error))
        self._parked.add((event.topic, event.key))
        self._moved(moves)
        self._progress.parked(1)
        _log.error("event_parked", generation=self._generation.schema, event_id=str(event.id), reason=told)

    def _moves(self, events: Sequence[Recorded]) -> dict[Place, tuple[int, int]]:
        upto = {(event.topic, event.partition): event.offset for event in events}
        return {place: (self._offsets.get(place, 0), offset) for place, offset in upto.items()}

    def _moved(self, moves: checkpoints.Moves) -> None:
        self._offsets.update((place, upto) for place, (_, upto) in moves.items())
