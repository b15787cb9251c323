"""What live updates and histories ask the log: a channel's events, whose channel it is, and who may listen.

It must not know who listens.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import partial
from typing import Any, NamedTuple
from uuid import UUID

import asyncpg
import msgspec

from events.catalog import SealedEvent, parse
from events.errors import NotFound, Overloaded, UndecodableEvent
from events.event import Event
from events.messages import ChannelOpened, DirectChannelOpened, MessageEdited, MessageSent
from events.recorded import Recorded
from infra.postgres import AWAY
from infra.sealing import KeyRing
from query_api.live import frames
from query_api.live.frames import Frame

ASK_SECONDS = 2.0
_HOME = """
    select position, id, stream, version, topic, partition, "offset", key, type, schema, data, meta, at
    from log.tail where stream = $1 and version = 1"""
_AFTER = """
    select position, id, stream, version, topic, partition, "offset", key, type, schema, data, meta, at
    from log.tail where stream = $1 and version > $2 order by version limit $3"""
_LAST = """
    select position, id, stream, version, topic, partition, "offset", key, type, schema, data, meta, at
    from log.tail where stream = $1 order by version desc limit $2"""
_AT = """
    select position, id, stream, version, topic, partition, "offset", key, type, schema, data, meta, at
    from log.tail where stream = $1 and version = any ($2::bigint[]) order by version"""
_HAS_VOICE = "select log.has_voice($1, $2)"
_DELETED = "select log.deleted_messages($1::uuid[])"
_DATA_KEYS = "select user_id, key from log.data_keys($1::uuid[])"

SPOKEN = frozenset((MessageSent.contract.name, MessageEdited.contract.name))
Told = tuple[int, Frame]
"""An event's seq and its frame."""


class Home(NamedTuple):
    """Whose channel it is; it never changes.

    Args:
        course_id: the course that it belongs to; None: it is a direct channel, of two people.
        voices: the scope of the claims of those who may speak and listen.
    """

    course_id: UUID | None
    voices: str


class ChannelLog:
    """Asks a pool.

    Args:
        pool: in this API's role.
    """

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool
        self.ring = KeyRing(partial(_keys, self))

    async def home_of(self, channel_id: UUID) -> Home:
        """Whose channel it is.

        Raises:
            NotFound: there is no such channel.
            Overloaded: the database is away.
        """
        rows = await self.rows(_HOME, f"channel-{channel_id}")
        if not rows:
            raise NotFound("There is no such channel.")
        first = Recorded(*rows[0])
        match parse(first.type, first.schema, first.data, first.id):
            case ChannelOpened(course_id=course_id):
                return Home(course_id, f"course/{course_id}/voices")
            case DirectChannelOpened():
                return Home(None, f"channel/{channel_id}/voices")
            case _:
                raise NotFound("There is no such channel.")

    async def may_listen(self, user_id: UUID, home: Home) -> bool:
        """Whether somebody is a member of a course, or one of two who talk with each other, now."""
        [row] = await self.rows(_HAS_VOICE, user_id, home.voices)
        return bool(row[0])

    async def after(self, channel_id: UUID, seq: int, limit: int) -> list[Told]:
        """The next events of a channel, oldest first."""
        rows = await self.rows(_AFTER, f"channel-{channel_id}", seq, limit)
        return await self._past([Recorded(*row) for row in rows])

    async def last(self, channel_id: UUID, limit: int) -> list[Told]:
        """The last events of a channel, oldest first."""
        rows = await self.rows(_LAST, f"channel-{channel_id}", limit)
        return await self._past([Recorded(*row) for row in reversed(rows)])

    async def opened_at(self, channel_id: UUID, seqs: Sequence[int]) -> list[tuple[Recorded, Event]]:
        """Some events of a channel, oldest first, whatever was taken back since; without the text of who was erased."""
        events = [Recorded(*row) for row in await self.rows(_AT, f"channel-{channel_id}", seqs)]
        opened = await self._opened(events)
        return [(recorded, event) for recorded, event in zip(events, opened, strict=True) if event is not None]

    async def told(self, events: Sequence[Recorded], deleted: Collection[UUID] = ()) -> list[Told]:
        """Events as they are told, opened; of erased people only that there was something.

        Args:
            events: of channels.
            deleted: the ids of those whose text is not told.
        """
        return [
            (event.version, frames.event(event, opened, told_text=event.id not in deleted))
            for event, opened in zip(events, await self._opened(events), strict=True)
        ]

    async def _opened(self, events: Sequence[Recorded]) -> list[Event | None]:
        parsed = [_parsed(event) for event in events]
        await self.ring.load(one.subject for one in parsed if isinstance(one, SealedEvent))
        return [_opened(one, self.ring) for one in parsed]

    async def _past(self, events: Sequence[Recorded]) -> list[Told]:
        """Events of the past: what was taken back since is not told again."""
        said = {event.id: message_of(event) for event in events if event.type in SPOKEN}
        gone = {row[0] for row in await self.rows(_DELETED, list(set(said.values())))} if said else set()
        return await self.told(events, {event_id for event_id, message_id in said.items() if message_id in gone})

    async def rows(self, statement: str, *values: Any) -> list[asyncpg.Record]:
        """Asks.

        Raises:
            Overloaded: the database is away.
        """
        try:
            async with self._pool.acquire(timeout=ASK_SECONDS) as connection:
                rows: list[asyncpg.Record] = await connection.fetch(statement, *values, timeout=ASK_SECONDS)
                return rows
        except AWAY as error:
            raise Overloaded("The database does not answer now.") from error


async def _keys(log: ChannelLog, people: Collection[UUID]) -> dict[UUID, bytes]:
    return {row["user_id"]: row["key"] for row in await log.rows(_DATA_KEYS, list(people))}


def message_of(event: Recorded) -> UUID:
    """The message that an event said or changed."""
    return event.id if event.type == MessageSent.contract.name else _edited.decode(event.data).message_id


class _Edited(msgspec.Struct):
    message_id: UUID


_edited = msgspec.json.Decoder(_Edited)


def _parsed(event: Recorded) -> Event | SealedEvent | None:
    try:
        return parse(event.type, event.schema, event.data, event.id)
    except UndecodableEvent:
        return None  # newer code wrote it; its seq is told, so that nobody misses one


def _opened(parsed: Event | SealedEvent | None, ring: KeyRing) -> Event | None:
    if not isinstance(parsed, SealedEvent):
        return parsed
    try:
        return parsed.open(ring)
    except UndecodableEvent:
        return None
