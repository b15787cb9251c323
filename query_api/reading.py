"""Reading: what one answer is put together from, and the checkpoints that it reflects as a whole.

Rows come from the cache or from a look-up shared with whoever asks at the same time. If they do not agree on one
checkpoint per partition, or the cache is out of use, the answer is read anew in one snapshot of the database: there
they do.

It must not know what is read, nor HTTP.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Hashable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeVar, cast

import asyncpg

from events.errors import Overloaded
from infra.postgres import AWAY
from query_api.cache import Entry, Mark
from query_api.freshness import Freshness
from query_api.lookups import Lookup

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

MAX_WAITING_KEYS = 20_000
ACQUIRE_SECONDS = 2.0


class Reading:
    """The rows behind one answer. `used` holds each entry with the checkpoints published when it was met."""

    def __init__(self, freshness: Freshness) -> None:
        self._freshness = freshness
        self.used: list[tuple[Entry, Mapping[Mark, int]]] = []

    async def one(self, lookup: Lookup[K, V], key: K) -> V:
        """The value of one key."""
        return (await self.many(lookup, (key,)))[0]

    async def many(self, lookup: Lookup[K, V], keys: Sequence[K]) -> list[V]:
        """The values of several keys, in order."""
        raise NotImplementedError

    def reflects(self) -> dict[Mark, int] | None:
        """The checkpoints that the answer reflects as a whole; None when its rows do not agree on them."""
        reflected: dict[Mark, int] = {}
        latest = self._freshness.cache.published
        for entry, published in self.used:
            floor = latest if entry.alive else published
            for mark, offset in entry.marks:
                at = max(offset, floor.get(mark, 0))
                if reflected.setdefault(mark, at) != at:
                    return None
        return reflected

    def concerns(self, mark: Mark, event_key: str) -> bool:
        """Whether an event of that key can change the answer."""
        return any(entry.concerned_by(mark, event_key) for entry, _ in self.used)

    def _use(self, entry: Entry, published: Mapping[Mark, int]) -> Any:
        self.used.append((entry, published))
        return entry.value


class CachedReading(Reading):
    """Reads from the cache, and what is not there by shared look-ups."""

    def __init__(self, freshness: Freshness, shared: SharedLookups) -> None:
        super().__init__(freshness)
        self._shared = shared

    async def many(self, lookup: Lookup[K, V], keys: Sequence[K]) -> list[V]:
        """The values of several keys, in order."""
        cache = self._freshness.cache
        values: list[Any] = []
        asked: list[tuple[int, asyncio.Future[Entry]]] = []
        for place, key in enumerate(keys):
            entry = cache.get((lookup.name, key))
            if entry is None:
                asked.append((place, self._shared.ask(lookup, key)))
                values.append(None)
            else:
                values.append(self._use(entry, cache.published))
        for place, asking in asked:
            entry = await asyncio.shield(asking)
            values[place] = self._use(entry, cache.published if entry.alive else {})
        return values


class SnapshotReading(Reading):
    """Reads from one snapshot of the database."""

    def __init__(self, freshness: Freshness, connection: asyncpg.Connection) -> None:
        super().__init__(freshness)
        self._connection = connection

    async def many(self, lookup: Lookup[K, V], keys: Sequence[K]) -> list[V]:
        """The values of several keys, in order."""
        if not keys:
            return []
        return [
            self._use(entry, {}) for entry in await lookup.entries(self._connection, keys, self._freshness.partitions)
        ]


@asynccontextmanager
async def snapshot(pool: asyncpg.Pool, freshness: Freshness) -> AsyncIterator[SnapshotReading]:
    """A reading whose rows are all of one moment.

    Raises:
        Overloaded: the database does not answer.
    """
    try:
        async with (
            pool.acquire(timeout=ACQUIRE_SECONDS) as connection,
            connection.transaction(isolation="repeatable_read", readonly=True),
        ):
            yield SnapshotReading(freshness, connection)
    except AWAY as error:
        raise Overloaded("The database does not answer now.") from error


class SharedLookups:
    """Look-ups on their way. Whatever is asked while a statement runs goes into the next one of its kind.

    A key never joins a statement that has begun: what it finds may be older than what its asker waited for.
    """

    def __init__(self, pool: asyncpg.Pool, freshness: Freshness) -> None:
        self._pool, self._freshness = pool, freshness
        self._waiting: dict[str, dict[Any, asyncio.Future[Entry]]] = {}
        self._flights: dict[str, set[asyncio.Task[None]]] = {}

    def ask(self, lookup: Lookup[K, V], key: K) -> asyncio.Future[Entry]:
        """The look-up of a key, which begins now or later.

        Raises:
            Overloaded: too much is waiting already.
        """
        waiting = self._waiting.setdefault(lookup.name, {})
        asking = waiting.get(key)
        if asking is None:
            if len(waiting) >= MAX_WAITING_KEYS:
                raise Overloaded("Too many reads are waiting.")
            asking = waiting[key] = asyncio.get_running_loop().create_future()
            flights = self._flights.setdefault(lookup.name, set())
            if len(flights) < lookup.abreast:
                flights.add(asyncio.create_task(self._fly(lookup, waiting, flights)))
        return asking

    async def _fly(
        self,
        lookup: Lookup[K, V],
        waiting: dict[K, asyncio.Future[Entry]],
        flights: set[asyncio.Task[None]],
    ) -> None:
        flight = cast("asyncio.Task[None]", asyncio.current_task())
        try:
            async with self._pool.acquire(timeout=ACQUIRE_SECONDS) as connection:
                while waiting:
                    await self._batch(lookup, waiting, connection)
                flights.discard(flight)  # at once: who asks while the connection is given back needs another flight
        except Exception as error:  # whatever it is: nobody may be left waiting
            refusal = error
            if isinstance(error, AWAY):
                refusal = Overloaded("The database does not answer now.")
                refusal.__cause__ = error
            _fail([waiting.pop(key) for key in list(waiting)], refusal)
        finally:
            flights.discard(flight)

    async def _batch(
        self, lookup: Lookup[K, V], waiting: dict[K, asyncio.Future[Entry]], connection: asyncpg.Connection
    ) -> None:
        keys = list(waiting)[: lookup.at_once]
        asked = [waiting.pop(key) for key in keys]
        cache = self._freshness.cache
        era = cache.era
        try:
            entries = await lookup.entries(connection, keys, self._freshness.partitions)
        except AWAY:
            _fail(asked, Overloaded("The database does not answer now."))
            raise
        except Exception as error:
            _fail(asked, error)
            return
        for asking, entry in zip(asked, entries, strict=True):
            cache.offer(entry, era)
            asking.set_result(entry)


def _fail(asked: Sequence[asyncio.Future[Entry]], error: Exception) -> None:
    for asking in asked:
        asking.set_exception(error)
        asking.exception()  # whoever asked may be gone
