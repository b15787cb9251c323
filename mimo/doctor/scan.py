"""Reads the whole log once, in order, and looks at every event: its numbers, its place, whether it can be read.

Memory is bounded by a page of events. On the way it notes what each event does to the claims, for claims.py to compare.
It must not know the topics in Kafka, nor the views.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from datetime import datetime
from uuid import UUID

import asyncpg

from events.catalog import SealedEvent, parse
from events.claims import effects
from events.errors import UndecodableEvent
from events.event import Event
from events.partition import partition_of
from infra.sealing import KEY_BYTES, KeyRing
from mimo.doctor.flaws import Flaws, Kind
from mimo.progress_bar import Told

PAGE_EVENTS = 1000

RESTORE = (
    "Somebody or something other than mimo changed the log. Stop everything and restore the database from a backup "
    "(see Backups in docs/operations.md); `mimo doctor --deep` says whether the restored one is whole."
)
POSITIONS = Kind("log", "Positions that do not follow the one before", RESTORE)
TIMES = Kind("log", "Events that are older than the one before", RESTORE)
OFFSETS = Kind("log", "Offsets that do not follow the one before in their partition", RESTORE)
VERSIONS = Kind("log", "Versions that do not follow the one before in their stream", RESTORE)
PARTITIONS = Kind("log", "Events that are not in the partition of their key", RESTORE)
PLACES = Kind("log", "Events whose topic, stream or key is not what their data say", RESTORE)
UNREADABLE = Kind(
    "log",
    "Events that this version of the code cannot read",
    "If a newer version of mimo wrote them, install that one. Else the log was changed: restore a backup.",
)

_PAGE = """
select position, id, stream, topic, partition, "offset", key, type, schema, at, data from log.event
where position > $1 order by position limit $2"""
_KEYS = "select user_id, key from log.data_keys($1)"
_EFFECTS = """
create temporary table doctor_effect (
  n bigint, kind text, scope text collate "C", key text collate "C", event_id uuid) on commit drop"""
_VERSIONS = """
select stream, version, before, count(*) over () as number from (
  select stream, version, position, lag(version) over w as before, lag(position) over w as position_before
  from log.event window w as (partition by stream order by version)) e
where version <> coalesce(before, 0) + 1 or position < position_before
order by position limit 5"""


async def scan(connection: asyncpg.Connection, last: int, partitions: int, tell: Told) -> Flaws:
    """Looks at every event.

    Args:
        connection: in a snapshot; it gets the temporary table `doctor_effect`: what events do to claims, in order.
        last: how many events there are, about.
        partitions: of each topic.
        tell: is told how far it is.

    Returns:
        What is wrong with the log.
    """
    await connection.execute(_EFFECTS)
    looking = _Look(connection, partitions)
    position = -(2**63)
    while page := await connection.fetch(_PAGE, position, PAGE_EVENTS):
        await looking.at(page)
        position = page[-1]["position"]
        tell("events", min(looking.events, last), last)
        await asyncio.sleep(0)
    for row in await connection.fetch(_VERSIONS):
        looking.flaws.tally(VERSIONS, f"{row['stream']}: {row['version']} after {row['before'] or 0}", row["number"])
    return looking.flaws


class _Look:
    """What is remembered from one page to the next."""

    def __init__(self, connection: asyncpg.Connection, partitions: int) -> None:
        self.flaws = Flaws()
        self.events = 0
        self._connection = connection
        self._partitions = partitions
        self._ring = KeyRing(self._keys)
        self._position = 0
        self._at: datetime | None = None
        self._offsets: dict[tuple[str, int], int] = {}
        self._effects: list[tuple[int, str, str, str, UUID]] = []
        self._numbered = 0

    async def at(self, page: Collection[asyncpg.Record]) -> None:
        """Looks at the next events."""
        parsed = [(row, self._parsed(row)) for row in page]
        await self._ring.load(event.subject for _, event in parsed if isinstance(event, SealedEvent))
        for row, event in parsed:
            self._numbers(row)
            if (opened := self._opened(row, event)) is not None:
                self._place(row, opened)
                self._note_effects(opened, row["id"])
        self.events += len(page)
        await self._connection.copy_records_to_table("doctor_effect", records=self._effects)
        self._effects.clear()

    def _parsed(self, row: asyncpg.Record) -> Event | SealedEvent | None:
        try:
            return parse(row["type"], row["schema"], row["data"], row["id"])
        except UndecodableEvent:
            self.flaws.note(UNREADABLE, f"position {row['position']}, {row['type']}")
            return None

    def _opened(self, row: asyncpg.Record, event: Event | SealedEvent | None) -> Event | None:
        if not isinstance(event, SealedEvent):
            return event
        try:
            return event.open(self._ring)
        except UndecodableEvent:
            self.flaws.note(UNREADABLE, f"position {row['position']}, {row['type']}, with the key of {event.subject}")
            return None

    def _numbers(self, row: asyncpg.Record) -> None:
        position, at, offset = row["position"], row["at"], row["offset"]
        if position != self._position + 1:
            self.flaws.note(POSITIONS, f"{position} after {self._position}")
        if self._at is not None and at < self._at:
            self.flaws.note(TIMES, f"position {position}, {at:%Y-%m-%d %H:%M:%S.%f} after {self._at:%H:%M:%S.%f}")
        place = (row["topic"], row["partition"])
        before = self._offsets.get(place, 0)
        if offset != before + 1:
            self.flaws.note(OFFSETS, f"{place[0]}.{place[1]}: {offset} after {before}")
        self._position, self._at, self._offsets[place] = position, at, offset

    def _place(self, row: asyncpg.Record, event: Event) -> None:
        if (row["topic"], row["stream"], row["key"]) != (event.contract.topic, event.stream, event.key):
            self.flaws.note(PLACES, f"position {row['position']}, {row['type']} in {row['stream']}")
        if row["partition"] != (wanted := partition_of(row["key"], self._partitions)):
            self.flaws.note(PARTITIONS, f"position {row['position']}, in {row['partition']} and not {wanted}")

    def _note_effects(self, event: Event, event_id: UUID) -> None:
        for effect in effects(event):
            self._numbered += 1
            self._effects.append((self._numbered, effect.kind, effect.scope, effect.key, event_id))

    async def _keys(self, people: Collection[UUID]) -> Mapping[UUID, bytes]:
        rows = await self._connection.fetch(_KEYS, list(people))
        return {row["user_id"]: row["key"] for row in rows if len(row["key"]) == KEY_BYTES}
