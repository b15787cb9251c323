"""Verifying: proof that a live view equals the fold of the log.

The projection is built once more, aside, from the log; then live and aside are compared row by row at one and the same
checkpoint. The live one is looked at in a snapshot, so nobody is held up, and the one aside is brought to exactly the
offsets that the snapshot has. It must not know how rows are compared.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import asyncpg

from events.bookmark import Place
from events.errors import MimoError
from projectors import checkpoints
from projectors.checkpoints import Generation
from projectors.comparing import Comparison, compare
from projectors.generations import live_generation
from projectors.projection import Projection
from projectors.scratch import Access, Scratch, scratch

LOOKS = 3
"""A difference must be found so often: while somebody is being erased, views and log agree only a moment later."""
PAUSE_SECONDS = 1.0


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


async def verify(projection: Projection, access: Access) -> Verdict:
    """Builds a projection aside, compares it with what readers see, and clears away.

    Args:
        projection: which one.
        access: to the database.

    Raises:
        CannotVerify: nothing is live.
        Stopped: an event cannot be applied.
    """
    async with scratch(projection, access) as built:
        async with _looking(projection, access) as (_, _, upto):
            pass  # the long way is gone without holding a snapshot
        await built.bring_to(upto)
        verdict = await _look(projection, access, built)
        for _ in range(LOOKS - 1):
            if verdict.comparison.equal:
                break
            await asyncio.sleep(PAUSE_SECONDS)
            verdict = await _look(projection, access, built)
        return verdict


async def _look(projection: Projection, access: Access, built: Scratch) -> Verdict:
    async with _looking(projection, access) as (live, found, upto):
        await built.bring_to(upto)
        return Verdict(live, upto, await compare(found, live, built.connection, built.generation))


@asynccontextmanager
async def _looking(
    projection: Projection, access: Access
) -> AsyncIterator[tuple[Generation, asyncpg.Connection, dict[Place, int]]]:
    """The live generation in a snapshot, and the checkpoints that it has there."""
    connection = await access.endless()
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            live = await live_generation(connection, projection)
            if live is None:
                raise CannotVerify(f"Readers see no generation of {projection.name} yet.")
            yield live, connection, await checkpoints.offsets(connection, live)
    finally:
        connection.terminate()
