"""Look-ups of what was said somewhere, by its words. It must not know HTTP nor who may read what."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import asyncpg

from query_api.cache import EVERYTHING
from query_api.checkpoints import Behind
from query_api.lookups import Found, Lookup

PAGE_OF_FOUND = """
select (select c.offsets from read.checkpoints($1, $2, $3) c) as checkpoints,
  f.message_id, f.channel_id, f.author_id, f.sent_at
from (select) nothing
left join (
  select s.message_id, s.channel_id, s.author_id, s.sent_at from read.search_v1 s
  where s.words @@ (search.asked($4) && search.anywhere_in($5::uuid[])) and (s.sent_at, s.message_id) < ($6, $7)
  order by s.sent_at desc, s.message_id desc limit $8
) f on true
order by f.sent_at desc, f.message_id desc
"""
MANY_CHANNELS = 200


class Wanted(NamedTuple):
    """The key of a page of what is found, newest first.

    Args:
        typed: what somebody typed into a search box.
        channels: where to look.
        before_at: only what sorts after this time …
        before_id: … and this message, that is to say, is older.
        rows: how many at most.
    """

    typed: str
    channels: tuple[UUID, ...]
    before_at: datetime
    before_id: UUID
    rows: int


class Hit(NamedTuple):
    """A message that was found."""

    message_id: UUID
    channel_id: UUID
    author_id: UUID
    sent_at: datetime


async def _page(connection: asyncpg.Connection, behind: Behind, keys: Sequence[Wanted]) -> Found[list[Hit]]:
    (key,) = keys
    rows: list[Any] = await connection.fetch(PAGE_OF_FOUND, *behind, *key)
    hits = [Hit(*(row[name] for name in Hit._fields)) for row in rows if row["message_id"] is not None]
    return rows[0]["checkpoints"], [hits]


def _changed_by(key: Wanted, _: object) -> Sequence[str]:
    """Whatever is said there; for who is in very many channels, anywhere."""
    if len(key.channels) > MANY_CHANNELS:
        return (EVERYTHING,)
    return [str(channel_id) for channel_id in key.channels]


FOUND: Lookup[Wanted, list[Hit]] = Lookup(
    "found",
    "search",
    _page,
    event_key=lambda _: None,
    changed_by=_changed_by,
    size_bytes=lambda hits: 300 * len(hits),
    at_once=1,
    abreast=2,
    erasable=lambda hits: {hit.author_id for hit in hits},
)
"""A page of what was said in some channels, by its words."""
