"""Keeping generations up with the log, and what all those of one process share for it: the log, people's keys, and the
tail that tells who was erased.

It must not know HTTP or settings, nor which generations there are; what it needs is handed over.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from functools import partial
from uuid import UUID

import asyncpg

from events.ports import EventLog
from infra.sealing import KeyRing
from infra.session_ends import ErasedKeys, SessionEnds
from projectors.batches import Batches
from projectors.checkpoints import Generation
from projectors.erasing import Erasing
from projectors.opening import Opener
from projectors.progress import Progress
from projectors.projection import Projection
from projectors.runner import Runner
from projectors.session import Connect, ViewSession
from projectors.wiping import Wiping

_DATA_KEYS = "select user_id, key from log.data_keys($1::uuid[])"
ERASED_WINDOW_SECONDS = 60.0
"""Longer than a look-up of keys can take that began before somebody was erased."""
ERASED_BREATH_SECONDS = 0.25


class Upkeep:
    """What one process keeps generations up with.

    Args:
        connect: opens a connection in the role that writes views.
        log: what they follow.
        pool: where the keys of personal data are looked up, and where the erased are taken out of the views.
    """

    def __init__(self, connect: Connect, log: EventLog, pool: asyncpg.Pool) -> None:
        self._connect = connect
        self._log = log
        self._ring = KeyRing(partial(fetch_keys, pool))
        self._wiping = Wiping(connect)
        self._erasing = Erasing(pool, self._wiping.wake)

    async def run(self) -> None:
        """Sees to those who are erased, until it is cancelled; without it, nobody is taken out of the views."""
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

    async def keep_up(self, projection: Projection, generation: Generation, progress: Progress) -> None:
        """Keeps one generation up until it is cancelled; members of several processes share its partitions.

        Args:
            projection: applies the events.
            generation: whose tables and checkpoints.
            progress: is told what happens.
        """
        with self.writing(projection, generation, progress) as batches:
            await Runner(generation, projection.topics, self._log, batches, progress, rest=projection.rest).run()

    @contextmanager
    def writing(self, projection: Projection, generation: Generation, progress: Progress) -> Iterator[Batches]:
        """What writes to one generation; until it ends, whoever is erased is taken out of it."""
        session = ViewSession(self._connect, generation)
        if projection.shows_people:
            self.erase_in(generation)
        try:
            yield Batches(projection, generation, session, Opener(projection, self._ring), progress)
        finally:
            if projection.shows_people:
                self.let_go(generation)
            session.close()

    def erase_in(self, generation: Generation) -> None:
        """From now on takes whoever is erased out of this generation, until it is let go as often."""
        self._erasing.keep(generation)
        self._wiping.keep(generation)

    def let_go(self, generation: Generation) -> None:
        """Erases there no more: it is dropped, or somebody else does."""
        self._erasing.let_go(generation)
        self._wiping.let_go(generation)


async def fetch_keys(pool: asyncpg.Pool, people: Collection[UUID]) -> dict[UUID, bytes]:
    """The keys of people, as a `KeyRing` asks for them; erased ones are missing."""
    return {row["user_id"]: row["key"] for row in await pool.fetch(_DATA_KEYS, list(people))}
