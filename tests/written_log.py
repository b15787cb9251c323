"""A log written by hand: events recorded as `log.append` would, without its claims, in memory and in PostgreSQL."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from datetime import UTC, datetime, timedelta
from uuid import UUID

import asyncpg
import msgspec

from events.catalog import encode
from events.event import Event
from events.partition import DEFAULT_PARTITIONS, partition_of
from events.recorded import Meta, Recorded
from infra.ids import new_id
from infra.sealing import KeyRing, new_key

COLUMNS = (
    "position", "id", "stream", "version", "topic", "partition", "offset", "key", "type", "schema", "data", "meta", "at"
)  # fmt: skip
BEGINNING = datetime(2026, 9, 1, tzinfo=UTC)
META = msgspec.json.encode(Meta(actor="test")).decode()


class WrittenLog:
    """Numbers events and remembers them; `people` whose data are personal get keys of their own."""

    def __init__(self, partitions: int = DEFAULT_PARTITIONS) -> None:
        self.partitions = partitions
        self.events: list[Recorded] = []
        self.keys: dict[UUID, bytes] = {}
        self.ring = KeyRing(self.fetch)
        self._versions: Counter[str] = Counter()
        self._offsets: Counter[tuple[str, int]] = Counter()
        self._stored = 0

    def person(self) -> UUID:
        """Somebody with a key."""
        user_id, key = new_id(), new_key()
        self.keys[user_id] = key
        self.ring.add(user_id, key)
        return user_id

    async def fetch(self, people: Collection[UUID]) -> dict[UUID, bytes]:
        """The keys of people, as a `KeyRing` asks for them."""
        return {person: self.keys[person] for person in people if person in self.keys}

    def add(self, event: Event, *, event_id: UUID | None = None, data: str | None = None) -> Recorded:
        """Records an event at the end.

        Args:
            event: what happened.
            event_id: its id; None makes one.
            data: what is stored instead of the event's own data, to break it.
        """
        contract, event_id = event.contract, event_id or new_id()
        partition = partition_of(event.key, self.partitions)
        self._versions[event.stream] += 1
        self._offsets[contract.topic, partition] += 1
        position = len(self.events) + 1
        recorded = Recorded(
            position=position,
            id=event_id,
            stream=event.stream,
            version=self._versions[event.stream],
            topic=contract.topic,
            partition=partition,
            offset=self._offsets[contract.topic, partition],
            key=event.key,
            type=contract.name,
            schema=contract.schema,
            data=encode(event, event_id, self.ring) if data is None else data,
            meta=META,
            at=BEGINNING + timedelta(seconds=position),
        )
        self.events.append(recorded)
        return recorded

    def add_all(self, events: Iterable[Event]) -> list[Recorded]:
        """Records several."""
        return [self.add(event) for event in events]

    async def store(self, url: str) -> None:
        """Puts what is new into a database, with the keys, in one transaction, and notifies."""
        connection = await asyncpg.connect(url)
        try:
            async with connection.transaction():
                await connection.copy_records_to_table(
                    "event",
                    schema_name="log",
                    columns=COLUMNS,
                    records=[msgspec.structs.astuple(event) for event in self.events[self._stored :]],
                )
                await connection.execute(
                    "insert into log.private select 'data_key/' || u, k, 1"
                    " from unnest($1::uuid[], $2::bytea[]) x (u, k) on conflict do nothing",
                    list(self.keys),
                    list(self.keys.values()),
                )
                await connection.execute("notify mimo_log")
        finally:
            await connection.close()
        self._stored = len(self.events)
