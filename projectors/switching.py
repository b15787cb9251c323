"""Which generation readers see: one is shown in place of another, so that nobody meets an error or an older answer.

It must not know how generations are born or filled.
"""

from __future__ import annotations

import asyncio
from time import monotonic

import asyncpg

from events.errors import MimoError
from projectors.checkpoints import CHANNEL, Generation
from projectors.projection import Projection

LOCK_TIMEOUT = "100ms"
"""A reader that holds a view makes us wait and try again, never other readers wait behind us."""
BLINK_SECONDS = 0.3
"""How long a switch may hold up the live generation's writer."""
LOOK_SECONDS = 0.005

ONE_AT_A_TIME = "select pg_advisory_xact_lock(hashtextextended('mimo generations of ' || $1, 0))"
ON_PATH = "select set_config('search_path', quote_ident($1), true), set_config('lock_timeout', $2, true)"
_READ_ON_PATH = """
    select set_config('search_path', 'read, ' || quote_ident($1), true), set_config('lock_timeout', $2, true)"""
LOCK_BRIEFLY = "select set_config('lock_timeout', $1, true)"
_FREEZE = """
    select from projection.checkpoint c join projection.generation g using (projection, generation)
    where g.projection = $1 and g.version = $2 and g.status = 'live'
    order by c.topic, c.partition for update of c"""
_IS_BEHIND = """
    select exists (
        select from projection.generation g
        join projection.checkpoint shown using (projection, generation)
        join projection.checkpoint c on c.projection = g.projection and c.generation = $3
            and c.topic = shown.topic and c.partition = shown.partition
        where g.projection = $1 and g.version = $2 and g.status = 'live' and c."offset" < shown."offset")"""
_STAND_BY = """
    update projection.generation set status = 'standby'
    where projection = $1 and version = $2 and status = 'live' and generation <> $3"""
_SHOW = """
    update projection.generation set status = 'live', live_at = now()
    where projection = $1 and generation = $2 and status = 'standby' returning 1"""


class NotStandingBy(MimoError):
    """Somebody else dropped the generation or shows it already."""


class NotReached(MimoError):
    """A generation is behind the one that it is to replace: readers would see an older answer."""


async def switch(connection: asyncpg.Connection, projection: Projection, generation: Generation) -> None:
    """Lets readers see a generation in place of the live one, which stands by from then on.

    The live one is held where it is until the other has reached it, for a blink of an eye, so that no reader meets an
    older answer.

    Args:
        connection: outside a transaction.
        projection: whose generation.
        generation: a standby; somebody else keeps it up meanwhile.

    Raises:
        NotReached: it is further behind than a blink of an eye; try again.
        NotStandingBy: somebody else dropped or showed it.
        asyncpg.PostgresError: among others LockNotAvailableError, when a reader or a writer is in the way; try again.
    """
    async with connection.transaction():
        await connection.execute(ONE_AT_A_TIME, projection.name)
        await connection.execute(LOCK_BRIEFLY, LOCK_TIMEOUT)
        await connection.execute(_FREEZE, projection.name, generation.version)
        give_up_at = monotonic() + BLINK_SECONDS
        while await connection.fetchval(_IS_BEHIND, projection.name, generation.version, generation.number):
            if monotonic() > give_up_at:
                raise NotReached(f"{generation.schema} is behind what readers see now.")
            await asyncio.sleep(LOOK_SECONDS)
        await show(connection, projection, generation)


async def show(transaction: asyncpg.Connection, projection: Projection, generation: Generation) -> None:
    """Lets readers see a generation, from the commit on; the one that they saw stands by."""
    await transaction.execute(_READ_ON_PATH, generation.schema, LOCK_TIMEOUT)
    await transaction.execute(projection.views_ddl)
    await transaction.execute(_STAND_BY, projection.name, generation.version, generation.number)
    if await transaction.fetchval(_SHOW, projection.name, generation.number) is None:
        raise NotStandingBy(f"{generation.schema} does not stand by any more: `mimo generations` lists what there is.")
    await transaction.execute("select pg_notify($1, $2)", CHANNEL, projection.name)
