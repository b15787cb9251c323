"""Takes people out of the views as soon as they are erased, without waiting for `UserErased` to come along.

Their key is gone, so from that moment a fold of the log shows nothing of them; the views must not either, even while
Kafka or the relay stands still. The event itself comes later and finds it done. Straight from the log, in both modes,
by the tail that tells every process whose key is gone. It must not know the tables of any view:
a generation brings what erases in it (projectors/projection.py).
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from uuid import UUID

import asyncpg
import structlog

from projectors.checkpoints import CHANNEL, Generation
from projectors.failures import described
from projectors.projection import erase

REWRITTEN = "!"
"""Behind a projection's name in its message: forget what was read of it, whatever the checkpoints say."""
RETRY_SECONDS = 1.0
LOOK_BACK_SECONDS = 5.0

# Who may be in the generation though they were erased. What follows the log may have old checkpoints, and all that
# comes behind them is on its way to it. What does not, or not yet, was begun not long ago: whoever was erased before
# that had no key any more. The minute is for appends that were on their way.
_MISSED = """
    with g as (select * from projection.generation where projection = $1 and generation = $2)
    select e.key::uuid from g
    join projection.checkpoint c using (projection, generation)
    join log.tail e on e.topic = c.topic and e.partition = c.partition and e."offset" > c."offset"
    where g.status in ('standby', 'live') and e.type = 'UserErased'
    union
    select e.user_id from g cross join lateral log.session_ends(g.created_at - interval '1 minute', 0) e
    where g.status not in ('standby', 'live') and e.erased"""
_ON_PATH = "select set_config('search_path', quote_ident($1), true)"
_TELL = "select pg_notify($1, $2)"

_log = structlog.get_logger("mimo.erasing")


class Erasing:
    """Erases in the generations of one process. Implements `infra.session_ends.Follower`.

    Args:
        pool: connections in the role that writes views; one at a time is used.
        erased: is called after people were erased in the views.
    """

    def __init__(self, pool: asyncpg.Pool, erased: Callable[[], None]) -> None:
        self._pool = pool
        self._erased = erased
        self._generations: Counter[Generation] = Counter()
        self._people: dict[str, set[UUID]] = {}
        self._unsure: set[str] = set()
        self._news = asyncio.Event()

    def keep(self, generation: Generation) -> None:
        """From now on in this one, too, beginning with those who were erased before; until it is let go as often.

        Args:
            generation: shows people.
        """
        self._generations[generation] += 1
        self._people.setdefault(generation.schema, set())
        self._unsure.add(generation.schema)
        self._news.set()

    def let_go(self, generation: Generation) -> None:
        """No more: somebody else keeps it up, or nobody may read it."""
        self._generations -= Counter((generation,))
        if generation not in self._generations:
            self._people.pop(generation.schema, None)
            self._unsure.discard(generation.schema)

    def begun(self) -> None:
        """See `Follower`: nobody told what happened while there was no connection."""
        self._unsure |= self._people.keys()
        self._news.set()

    def told(self, position: int, user_id: UUID, *, erased: bool) -> None:  # noqa: ARG002
        """See `Follower`."""
        if erased:
            for people in self._people.values():
                people.add(user_id)
            self._news.set()

    def heard(self, asked_at: float) -> None:
        """See `Follower`."""

    async def run(self) -> None:
        """Runs until it is cancelled."""
        while True:
            await self._news.wait()
            self._news.clear()
            for generation in list(self._generations):
                try:
                    await self._see_to(generation)
                except Exception as error:
                    _log.warning("erasing_failed", generation=generation.schema, reason=described(error))
                    self._unsure.add(generation.schema)
                    self._news.set()
            self._erased()
            if self._news.is_set():
                await asyncio.sleep(RETRY_SECONDS)

    async def _see_to(self, generation: Generation) -> None:
        schema = generation.schema
        people, unsure = set(self._people.get(schema, ())), schema in self._unsure
        self._unsure.discard(schema)  # now: a connection that is lost meanwhile makes it unsure again
        if not people and not unsure:
            return
        async with self._pool.acquire() as connection:
            if unsure:
                rows = await connection.fetch(
                    _MISSED, generation.projection, generation.number, timeout=LOOK_BACK_SECONDS
                )
                people |= {row[0] for row in rows}
            if people:
                await self._erase(connection, generation, sorted(people))
        self._people.get(schema, set()).difference_update(people)

    @staticmethod
    async def _erase(connection: asyncpg.Connection, generation: Generation, people: Sequence[UUID]) -> None:
        async with connection.transaction():
            await connection.execute(_ON_PATH, generation.schema)
            await erase(connection, people)
            await connection.execute(_TELL, CHANNEL, generation.projection + REWRITTEN)
