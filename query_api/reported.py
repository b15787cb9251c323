"""What somebody reported, as it was said then: opened from the log by the author's key, and kept nowhere.

It must not know who may see it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import partial
from typing import Any, NamedTuple
from uuid import UUID

import asyncpg

from events.catalog import SealedEvent, parse
from events.messages import MessageEdited, MessageSent
from events.recorded import Recorded
from infra.sealing import KeyRing

SAID = """
select e.* from (
  select s.position, s.id, s.stream, s.version, s.topic, s.partition, s."offset", s.key, s.type, s.schema, s.data,
    s.meta, s.at
  from log.tail s where s.id = $2
  union all
  select t.position, t.id, t.stream, t.version, t.topic, t.partition, t."offset", t.key, t.type, t.schema, t.data,
    t.meta, t.at
  from read.message_changes_v1 c join log.tail t on t.stream = 'channel-' || $1::uuid and t.version = c.seq
  where c.message_id = $2 and t.type = 'MessageEdited' and t.at <= $3
) e
order by e.version desc limit 1
"""
KEYS = "select user_id, key from log.data_keys($1::uuid[])"


class Said(NamedTuple):
    """Who said what. `text` is None once the author was erased."""

    author_id: UUID
    text: str | None


async def said_then(connection: asyncpg.Connection, report: Mapping[str, Any]) -> Said:
    """A reported message as it was when it was reported, whatever was done to it afterwards.

    Args:
        connection: in this API's role.
        report: a row of the view.
    """
    row = await connection.fetchrow(SAID, report["channel_id"], report["message_id"], report["reported_at"])
    assert row is not None, "what was reported is in the log"
    recorded = Recorded(*row)
    event = parse(recorded.type, recorded.schema, recorded.data, recorded.id)
    if isinstance(event, SealedEvent):
        ring = KeyRing(partial(_keys, connection))  # of this answer only: who is erased has no key for the next one
        await ring.load((event.subject,))
        event = event.open(ring)
    assert isinstance(event, MessageSent | MessageEdited), "only messages are reported"
    return Said(event.author_id, event.text)


async def _keys(connection: asyncpg.Connection, people: Collection[UUID]) -> dict[UUID, bytes]:
    return {row["user_id"]: row["key"] for row in await connection.fetch(KEYS, list(people))}
