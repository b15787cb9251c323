"""Looks after the generations that this process does not keep up: takes erased people out of them, and has those
dropped that nobody needs any more.

They are of another version of the code, or of a projection that it has not got, or follow nothing. It must not know the
tables of any view, nor HTTP or settings.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from datetime import timedelta
from time import monotonic
from typing import Protocol

import asyncpg
import structlog

from infra.event_log.membership import members
from projectors import generations, kept
from projectors.checkpoints import Generation
from projectors.failures import described
from projectors.generations import Status

LOOK_SECONDS = 1.0
"""How soon people are erased in a generation that came to be."""
TIDY_SECONDS = 5.0
UNFOLLOWED = timedelta(days=1)
"""How long a generation of another version is there that nobody follows: a deployment can be taken back so long."""

_PRESENT = """
    select g.projection, g.version, g.generation, g.status, g.unfollowed_since,
      to_regprocedure(format('%s_v%s_g%s.erase(uuid[])', g.projection, g.version, g.generation)) is not null as erases
    from projection.generation g where g.status <> 'retired' order by g.projection, g.generation"""
_DROPPABLE = """
    select distinct g.projection from projection.generation g
    join pg_namespace n on n.nspname = format('%s_v%s_g%s', g.projection, g.version, g.generation)
    where g.status = 'retired'"""
_FOLLOWED = "update projection.generation set unfollowed_since = null where projection = $1 and generation = $2"
_UNFOLLOWED = "update projection.generation set unfollowed_since = now() where projection = $1 and generation = $2"
_RETIRE = """
    update projection.generation set status = 'retired'
    where projection = $1 and generation = $2 and unfollowed_since < now() - $3::interval returning 1"""
_FOLLOWING = (Status.BUILDING, Status.STANDBY, Status.LIVE)

_log = structlog.get_logger("mimo.tending")


class Erases(Protocol):
    """Takes people out of generations."""

    def erase_in(self, generation: Generation) -> None:
        """From now on in this one, too."""

    def let_go(self, generation: Generation) -> None:
        """No more in this one."""


class Tending:
    """One process's part of it.

    Args:
        own: the projections and versions of this code; what follows the log of those is kept up elsewhere.
        pool: connections in the role that writes views; one at a time is used.
        erases: where people are to be erased.
    """

    def __init__(self, own: Collection[tuple[str, int]], pool: asyncpg.Pool, erases: Erases) -> None:
        self._own = frozenset(own)
        self._pool = pool
        self._erases = erases
        self._tended: set[Generation] = set()
        self._tidy_at = 0.0
        self._trouble: str | None = None

    async def run(self) -> None:
        """Runs until it is cancelled."""
        while True:
            try:
                async with self._pool.acquire() as connection:
                    await self._look(connection)
                self._trouble = None
            except Exception as error:
                trouble = described(error)
                if trouble != self._trouble:
                    _log.warning("generations_not_tended", reason=trouble)
                self._trouble = trouble
            await asyncio.sleep(LOOK_SECONDS)

    async def _look(self, connection: asyncpg.Connection) -> None:
        present = await connection.fetch(_PRESENT)
        tended = {
            Generation(row["projection"], row["version"], row["generation"])
            for row in present
            if row["erases"] and not self._kept_up(row)
        }
        for generation in tended - self._tended:
            self._erases.erase_in(generation)
        for generation in self._tended - tended:
            self._erases.let_go(generation)
        self._tended = tended
        if monotonic() >= self._tidy_at:
            await self._tidy(connection, present)
            self._tidy_at = monotonic() + TIDY_SECONDS

    def _kept_up(self, row: asyncpg.Record) -> bool:
        """Whether this process follows the log with it, and erases in it then."""
        return (row["projection"], row["version"]) in self._own and row["status"] in (Status.STANDBY, Status.LIVE)

    async def _tidy(self, connection: asyncpg.Connection, present: Collection[asyncpg.Record]) -> None:
        """Has dropped what nobody needs any more."""
        for row in present:
            if row["status"] in _FOLLOWING:
                await self._note(connection, row)
        for projection in {row["projection"] for row in present if row["status"] == Status.ASIDE}:
            await generations.retire_abandoned(connection, projection)
        for name in await kept.outdated(connection):
            await kept.drop(connection, name)
            _log.info("scratch_dropped", name=name)
        for row in await connection.fetch(_DROPPABLE):
            for dropped in await generations.drop_retired(connection, row["projection"]):
                _log.info("generation_dropped", generation=dropped.schema)

    async def _note(self, connection: asyncpg.Connection, row: asyncpg.Record) -> None:
        """Notes whether somebody follows a generation; nobody has for long: has it dropped."""
        generation = Generation(row["projection"], row["version"], row["generation"])
        numbers = (generation.projection, generation.number)
        if await members(connection, generation.schema):
            if row["unfollowed_since"] is not None:
                await connection.execute(_FOLLOWED, *numbers)
        elif row["unfollowed_since"] is None:
            await connection.execute(_UNFOLLOWED, *numbers)
        elif (row["projection"], row["version"]) not in self._own and await connection.fetchval(
            _RETIRE, *numbers, UNFOLLOWED
        ):
            _log.warning("generation_retired", generation=generation.schema, reason="nobody has followed it for long")
