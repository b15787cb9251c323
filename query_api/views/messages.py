"""Look-ups in the view of what was said in channels. It must not know HTTP nor who may see what."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import UUID

from query_api.lookups import Lookup, by_rows
from query_api.wire import encoded

TIMELINES = """
select k.number, h.channel_id is not null as found,
  case when k.number = 1 then (select c.offsets from read.checkpoints($1, $2, $3) c) end as checkpoints,
  h.last_seq, m.message_id, m.seq, m.number as message_number, m.author_id, m.text, m.sent_at, m.edited_at, m.deleted
from unnest($4::uuid[], $5::bigint[], $6::bigint[], $7::integer[])
  with ordinality k (channel_id, before_seq, after_seq, rows, number)
left join read.channels_v1 h on h.channel_id = k.channel_id
left join lateral (
  select m.* from read.messages_v1 m
  where m.channel_id = k.channel_id and m.seq < k.before_seq and m.seq > k.after_seq
  order by m.seq desc limit k.rows
) m on true
order by k.number, m.seq desc
"""


class Span(NamedTuple):
    """The key of a part of a timeline: the newest `rows` messages with `after_seq` < seq < `before_seq`."""

    channel_id: UUID
    before_seq: int
    after_seq: int
    rows: int


class Message(NamedTuple):
    """A message: its JSON in two pieces, before and after the author's name."""

    seq: int
    author_id: UUID
    head: bytes
    tail: bytes


class Timeline(NamedTuple):
    """Messages, newest first, and the channel's last seq: where a live subscription goes on."""

    messages: list[Message]
    last_seq: int


def _message(channel_id: UUID, row: Any) -> Message:
    head = {
        "message_id": row["message_id"],
        "channel_id": channel_id,
        "seq": row["seq"],
        "number": row["message_number"],
        "author_id": row["author_id"],
    }
    tail = {
        "text": row["text"],
        "sent_at": row["sent_at"],
        "edited_at": row["edited_at"],
        "deleted": row["deleted"],
    }
    return Message(
        row["seq"],
        row["author_id"],
        encoded(head)[:-1] + b',"author_name":',
        b"," + encoded(tail)[1:],
    )


def _timeline(key: Span, rows: Sequence[Any]) -> Timeline | None:
    if not rows:
        return None
    messages = [_message(key.channel_id, row) for row in rows if row["seq"] is not None]
    return Timeline(messages, rows[0]["last_seq"])


TIMELINE: Lookup[Span, Timeline | None] = Lookup(
    "timeline",
    "messages",
    by_rows(TIMELINES, lambda keys: tuple(list(column) for column in zip(*keys, strict=True)), _timeline),
    event_key=lambda key: str(key.channel_id),
    changed_by=lambda key, _: (str(key.channel_id),),
    size_bytes=lambda found: sum(300 + len(m.head) + len(m.tail) for m in found.messages) if found else 0,
    at_once=50,
    abreast=2,
    erasable=lambda found: {message.author_id for message in found.messages} if found else (),
)
"""A part of a channel's timeline; None when there is no such channel (yet)."""
