"""What the relay notes in PostgreSQL: how far Kafka is, for those who show it and for partitions without records.

The notes go through the session of the election, so only the active relay writes any. Where the relay goes on is
decided by Kafka's own content, not by these. It must not know how anything is published.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from events.bookmark import Place
from infra.relay.audit import Ask

_LOAD = 'select topic, partition, "offset" from log.published'
_FORGET = """
    delete from log.published p where not exists (
        select from unnest($1::text[], $2::int[]) k (topic, partition)
        where k.topic = p.topic and k.partition = p.partition)"""
_DISTRUST = """
    delete from log.published p using unnest($1::text[], $2::int[]) k (topic, partition)
    where k.topic = p.topic and k.partition = p.partition"""
_NOTE = """
    insert into log.published (topic, partition, "offset") select * from unnest($1::text[], $2::int[], $3::bigint[])
    on conflict (topic, partition) do update set "offset" = excluded."offset\""""
_AT = "update log.relay set position = $1, noted_at = clock_timestamp(), stopped = null"
_ALIVE = "update log.relay set noted_at = clock_timestamp()"
_STOPPED = "update log.relay set noted_at = clock_timestamp(), stopped = $1"
_BEHIND = """
    select coalesce((select e.position from log.tail e order by e.position desc limit 1), 0) as head,
      (select e.at from log.tail e where e.position = $1 + 1) as waiting_since, clock_timestamp() as now,
      (select log_id from log.installation) as log_id"""


class Behind(NamedTuple):
    """What waits to be published: how many events, for how many seconds the oldest; and whose history the log is."""

    events: int
    seconds: float
    log_id: UUID


class Notes:
    """The relay's notes.

    Args:
        ask: asks the database, in the session of the election.
    """

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self._noted: dict[Place, int] = {}

    async def load(self) -> dict[Place, int]:
        """The last offset of each partition that was noted."""
        self._noted = {(row["topic"], row["partition"]): row["offset"] for row in await self._ask(_LOAD)}
        return dict(self._noted)

    async def begin(self, published: Mapping[Place, int], position: int) -> None:
        """Notes where Kafka really is, at the start; what was noted of partitions that are empty now is forgotten."""
        kept = [place for place, offset in published.items() if offset > 0]
        await self._ask(_FORGET, [topic for topic, _ in kept], [number for _, number in kept])
        self._noted = {}
        await self.write(published, position)

    async def forget(self, places: Collection[Place]) -> None:
        """Forgets what was noted of partitions."""
        await self._ask(_DISTRUST, [topic for topic, _ in places], [number for _, number in places])

    async def write(self, published: Mapping[Place, int], position: int) -> None:
        """Notes how far it is.

        Args:
            published: the last offset that is in each partition of Kafka; 0: none.
            position: up to here everything is in Kafka.
        """
        changed = {place: offset for place, offset in published.items() if offset > self._noted.get(place, 0)}
        if changed:
            topics, partitions = [topic for topic, _ in changed], [number for _, number in changed]
            await self._ask(_NOTE, topics, partitions, list(changed.values()))
            self._noted |= changed
        await self._ask(_AT, position)

    async def alive(self) -> None:
        """Notes that somebody is at work, though nothing can be published at present."""
        await self._ask(_ALIVE)

    async def stopped(self, reason: str | None) -> None:
        """Notes why the relay refuses to go on; None: it does not, it only cannot."""
        await self._ask(_STOPPED, reason)

    async def behind(self, position: int) -> Behind:
        """How much of the log after this position waits to be published."""
        (row,) = await self._ask(_BEHIND, position)
        since: datetime | None = row["waiting_since"]
        seconds = 0.0 if since is None else max(0.0, (row["now"] - since).total_seconds())
        return Behind(max(0, row["head"] - position), seconds, row["log_id"])
