"""Look-ups: how one kind of rows is found for many keys in one statement, together with the checkpoints it reflects.

It must not know which kinds there are (views/), nor who asks (reading.py).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Hashable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar
from uuid import UUID

import asyncpg

from events.errors import NotCaughtUp
from events.partition import partition_of
from query_api.cache import Entry, Mark
from query_api.checkpoints import ERASURES, PROJECTIONS, Behind, erased

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

Found = tuple[list[int] | None, list[V]]
"""What `read.checkpoints` tells (None: no live generation), and a value for each key, in order."""


Fetch = Callable[[asyncpg.Connection, Behind, Sequence[K]], Awaitable[Found[V]]]
"""Finds the values of many keys in one statement, which reads the checkpoints, too."""


def _nobody(_: object) -> tuple[UUID, ...]:
    return ()


@dataclass(frozen=True, slots=True)
class Lookup(Generic[K, V]):
    """A kind of rows that are looked up by a key.

    Args:
        name: unique among all kinds.
        projection: the one whose view it reads.
        fetch: finds the values.
        event_key: the key of all events of the projection's first topic that can change the value of a key; None when
            there are several.
        changed_by: from a key and its value to what changes it (`query_api.cache.Tag` without its topic).
        size_bytes: roughly what a value takes.
        at_once: the most keys of one statement.
        abreast: how many statements of this kind may be on their way at a time.
        erasable: the people whose erasure changes a value, for projections that consume `ERASURES` beside.
    """

    name: str
    projection: str
    fetch: Fetch[K, V]
    event_key: Callable[[K], str | None]
    changed_by: Callable[[K, V], Sequence[str]]
    size_bytes: Callable[[V], int]
    at_once: int = 200
    abreast: int = 1
    erasable: Callable[[V], Collection[UUID]] = _nobody

    async def entries(self, connection: asyncpg.Connection, keys: Sequence[K], partitions: int) -> list[Entry]:
        """Looks up many keys.

        Args:
            connection: where; every row and checkpoint comes by one statement.
            keys: which.
            partitions: into how many each topic is divided.

        Raises:
            NotCaughtUp: the view does not exist yet, or follows not every partition of every topic.
            asyncpg.PostgresError: the database does not answer.
        """
        behind = PROJECTIONS[self.projection]
        try:
            offsets, values = await self.fetch(connection, behind, keys)
        except asyncpg.UndefinedTableError:
            offsets, values = None, []
        # Of fewer checkpoints nobody could tell which is whose: a generation that was born with other topics.
        if offsets is None or len(offsets) != len(behind.topics) * partitions:
            raise NotCaughtUp(f"The view of {self.projection} is not built yet.")
        return [self._entry(key, value, offsets, partitions) for key, value in zip(keys, values, strict=True)]

    def _entry(self, key: K, value: V, offsets: list[int], partitions: int) -> Entry:
        topics, event_key = PROJECTIONS[self.projection].topics, self.event_key(key)
        places: Collection[int] = range(partitions) if event_key is None else (partition_of(event_key, partitions),)
        marks: list[tuple[Mark, int]] = [((self.projection, topics[0], p), offsets[p]) for p in places]
        tags = [(topics[0], changing) for changing in self.changed_by(key, value)]
        if people := self.erasable(value):
            first = topics.index(ERASURES) * partitions
            places = {partition_of(str(person), partitions) for person in people}
            marks += [((self.projection, ERASURES, p), offsets[first + p]) for p in places]
            tags += [(ERASURES, erased(person)) for person in people]
        return Entry((self.name, key), value, tuple(marks), tuple(tags), event_key, self.size_bytes(value))


def by_rows(
    sql: str, arguments: Callable[[Sequence[K]], tuple[Any, ...]], shape: Callable[[K, list[Any]], V]
) -> Fetch[K, V]:
    """A fetch by one statement that answers at least one row per key.

    Args:
        sql: answers `number` (which key, from 1), `checkpoints` (in the rows of key 1: `read.checkpoints` of its
            arguments $1 to $3) and `found` (false in the row of a key without any), beside the columns.
        arguments: from keys to the arguments from $4 on, mostly one array for each part of a key.
        shape: from a key and its rows to the value.
    """

    async def fetch(connection: asyncpg.Connection, behind: Behind, keys: Sequence[K]) -> Found[V]:
        rows = await connection.fetch(sql, *behind, *arguments(keys))
        grouped: list[list[Any]] = [[] for _ in keys]
        for row in rows:
            if row["found"]:
                grouped[row["number"] - 1].append(row)
        checkpoints = next(row["checkpoints"] for row in rows if row["number"] == 1)
        return checkpoints, [shape(key, group) for key, group in zip(keys, grouped, strict=True)]

    return fetch
