"""Answers: from rows to bytes, with the bookmark they reflect, their ETag, and "you have it already".

An answer is a pure function of the rows behind it and of who asks, so the finished bytes are kept for as long as
each of those rows is in the read cache. Whether the caller may see it is part of that function, too.
It must not know any route.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Collection, Hashable, Iterable, Mapping
from hashlib import blake2b

import asyncpg

from events.bookmark import Place, format_bookmark, parse_bookmark
from events.errors import NotCaughtUp, Overloaded, Parked, Rejected
from infra.web.answer import Header, Ready
from query_api.asked import Asked
from query_api.cache import Mark
from query_api.checkpoints import PROJECTIONS
from query_api.freshness import Freshness
from query_api.measured import WAITED
from query_api.reading import CachedReading, Reading, SharedLookups, snapshot

PARKED = """
select p.key from read.parked p
where p.projection = $1 and p.topic = $2 and p.partition = $3 and p."offset" = $4 and p.version = $5
"""
PRIVATE: tuple[Header, ...] = ((b"cache-control", b"private, no-cache"), (b"vary", b"authorization"))
KEPT_OVERHEAD_BYTES = 2_000


_BODY_HEADERS = ("content-type", "content-length")
"""What a `Ready` with a body adds at the end of its headers."""


class Composed:
    """A finished answer.

    Args:
        body: the JSON.
        version: what the ETag begins with, so that `If-Match` of a command can tell it; "" for none.
        headers: further headers.
    """

    __slots__ = ("body", "etag", "headers")

    def __init__(self, body: bytes, version: str = "", headers: Iterable[Header] = ()) -> None:
        self.body = body
        self.headers = tuple(headers)
        self.etag = f'"{version}{blake2b(body, digest_size=12).hexdigest()}"'


Compose = Callable[[Reading], Awaitable[Composed]]


class _Kept:
    """A finished answer, the rows behind it, and its headers as of one epoch of the cache."""

    __slots__ = ("composed", "epoch", "reading", "ready", "size_bytes")

    def __init__(self, composed: Composed, reading: Reading, ready: Ready, epoch: int) -> None:
        self.composed, self.reading, self.ready, self.epoch = composed, reading, ready, epoch
        self.size_bytes = len(composed.body) + KEPT_OVERHEAD_BYTES

    def holds(self) -> bool:
        """Whether every row behind it may still be served."""
        return all(entry.alive for entry, _ in self.reading.used)


class Answers:
    """Answers reads.

    Args:
        pool: connections with the role of this API.
        freshness: the tracker, whose cache is used.
        max_bytes: roughly how much finished answers may take.
    """

    def __init__(self, pool: asyncpg.Pool, freshness: Freshness, max_bytes: int) -> None:
        self._pool, self._freshness = pool, freshness
        self._shared = SharedLookups(pool, freshness)
        self._max_bytes, self._size_bytes = max_bytes, 0
        self._kept: OrderedDict[Hashable, _Kept] = OrderedDict()
        self.made_from = {"memory": 0, "rows": 0, "snapshot": 0}

    async def answer(self, asked: Asked, request: Hashable, projections: Collection[str], compose: Compose) -> Ready:
        """Answers one read.

        Args:
            asked: bookmark, patience and what the client has.
            request: everything that `compose` depends on beside the rows: the route, its parameters, who asks.
            projections: those behind the answer, which a bookmark waits for.
            compose: puts the answer together from rows, which it gets from the reading that it is given.

        Raises:
            Rejected: what `compose` raises, or the bookmark is not one of this history.
            NotCaughtUp: the views have not reached the bookmark in time.
            Parked: the bookmarked event was set aside and concerns this answer.
            Overloaded: the database does not answer.
        """
        if self._freshness.history is None:
            raise Overloaded("The database does not answer now.")
        wanted: Mapping[Mark, int] = {}
        if asked.bookmark is not None:
            wanted = self._wanted(asked.bookmark, projections)
            await self._wait(wanted, asked.wait_seconds)
        kept = self._find(request)
        if kept is None:
            kept = await self._composed(request, compose, wanted)
        if wanted:
            await self._refuse_parked(wanted, kept.reading)
        if asked.if_none_match is not None and asked.has(kept.composed.etag):
            return Ready(304, headers=kept.ready.raw_headers[: -len(_BODY_HEADERS)])
        return kept.ready

    async def _wait(self, wanted: Mapping[Mark, int], seconds: float) -> None:
        if self._freshness.behind(wanted):
            with WAITED.time():
                await self._freshness.reach(wanted, seconds)

    def _wanted(self, bookmark: str, projections: Collection[str]) -> dict[Mark, int]:
        history = self._freshness.history
        assert history is not None, "nothing is answered before the history is known"
        return self._freshness.wanted(parse_bookmark(bookmark, history.log_id), projections)

    def _find(self, request: Hashable) -> _Kept | None:
        kept = self._kept.get(request)
        if kept is None or not self._freshness.current():
            return None
        if not kept.holds():
            self._remove(request)
            return None
        epoch = self._freshness.cache.epoch
        if kept.epoch != epoch:
            reflected = kept.reading.reflects()
            if reflected is None:
                return None
            kept.ready, kept.epoch = self._ready(kept.composed, reflected), epoch
        self._kept.move_to_end(request)
        self.made_from["memory"] += 1
        return kept

    async def _composed(self, request: Hashable, compose: Compose, wanted: Mapping[Mark, int]) -> _Kept:
        if self._freshness.current():
            reading: Reading = CachedReading(self._freshness, self._shared)
            composed = await _outcome(compose, reading)
            reflected = reading.reflects()
            if reflected is not None and _fulfils(reflected, wanted):
                kept = self._kept_of(composed, reading, reflected)
                if kept.holds():
                    self._keep(request, kept)
                self.made_from["rows"] += 1
                return kept
        async with snapshot(self._pool, self._freshness) as reading:
            composed = await _outcome(compose, reading)
        reflected = reading.reflects()
        if reflected is None or not _fulfils(reflected, wanted):
            raise NotCaughtUp("The view fell back behind the bookmark; it will catch up again.")
        self.made_from["snapshot"] += 1
        return self._kept_of(composed, reading, reflected)

    def _kept_of(self, composed: Composed | Rejected, reading: Reading, reflected: Mapping[Mark, int]) -> _Kept:
        if isinstance(composed, Rejected):
            raise composed
        return _Kept(composed, reading, self._ready(composed, reflected), self._freshness.cache.epoch)

    def _ready(self, composed: Composed, reflected: Mapping[Mark, int]) -> Ready:
        # Where two projections consume a topic, the further one says what the next answer must not fall behind (0008).
        places: dict[Place, int] = {}
        for (_, topic, partition), offset in reflected.items():
            places[topic, partition] = max(offset, places.get((topic, partition), offset))
        assert self._freshness.history is not None, "there were checkpoints, so the history is known"
        bookmark = format_bookmark(self._freshness.history.log_id, places)
        headers = (
            *PRIVATE,
            *composed.headers,
            (b"etag", composed.etag.encode()),
            (b"mimo-bookmark", bookmark.encode()),
        )
        return Ready(200, composed.body, headers)

    async def _refuse_parked(self, wanted: Mapping[Mark, int], reading: Reading) -> None:
        for mark, offset in wanted.items():
            if self._freshness.holds_parked(mark):
                key = await self._pool.fetchval(PARKED, *mark, offset, PROJECTIONS[mark[0]].version)
                if key is not None and reading.concerns(mark, key):
                    raise Parked(f"{mark[0]} could not apply the bookmarked event; it waits for an operator.")

    def _keep(self, request: Hashable, kept: _Kept) -> None:
        if request in self._kept:
            self._remove(request)
        self._kept[request] = kept
        self._size_bytes += kept.size_bytes
        while self._size_bytes > self._max_bytes:
            self._remove(next(iter(self._kept)))

    def _remove(self, request: Hashable) -> None:
        self._size_bytes -= self._kept.pop(request).size_bytes


async def _outcome(compose: Compose, reading: Reading) -> Composed | Rejected:
    """What composing comes to. Also a refusal counts only if the rows it rests on are new enough."""
    try:
        return await compose(reading)
    except Rejected as refusal:
        return refusal


def _fulfils(reflected: Mapping[Mark, int], wanted: Mapping[Mark, int]) -> bool:
    return all(offset <= reflected.get(mark, offset) for mark, offset in wanted.items())
