"""Look-ups in the view of what was said in channels. It must not know HTTP nor who may see what."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, NamedTuple
from uuid import UUID

import orjson

from query_api.lookups import Lookup, by_rows
from query_api.wire import encoded

TIMELINES = """
select k.number, h.channel_id is not null as found,
  case when k.number = 1 then (select c.offsets from read.checkpoints($1, $2, $3) c) end as checkpoints,
  h.last_seq, m.channel_id, m.message_id, m.seq, m.number as message_number, m.author_id, m.text, m.sent_at,
  m.edited_at, m.deleted, m.thread_id, m.reply_count, m.mentions, m.reactions
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

THREADS = """
select k.number, h.channel_id is not null as found,
  case when k.number = 1 then (select c.offsets from read.checkpoints($1, $2, $3) c) end as checkpoints,
  h.last_seq, m.channel_id, m.message_id, m.seq, m.number as message_number, m.author_id, m.text, m.sent_at,
  m.edited_at, m.deleted, m.thread_id, m.reply_count, m.mentions, m.reactions
from unnest($4::uuid[], $5::bigint[], $6::bigint[], $7::integer[], $8::uuid[])
  with ordinality k (channel_id, before_seq, after_seq, rows, thread_id, number)
left join read.channels_v1 h on h.channel_id = k.channel_id
left join lateral (
  select m.* from read.messages_v1 m
  where m.thread_id = k.thread_id and m.channel_id = k.channel_id and m.seq < k.before_seq and m.seq > k.after_seq
  order by m.seq desc limit k.rows
) m on true
order by k.number, m.seq desc
"""

MESSAGES = """
select k.number, m.message_id is not null as found,
  case when k.number = 1 then (select c.offsets from read.checkpoints($1, $2, $3) c) end as checkpoints,
  m.channel_id, m.message_id, m.seq, m.number as message_number, m.author_id, m.text, m.sent_at,
  m.edited_at, m.deleted, m.thread_id, m.reply_count, m.mentions, m.reactions
from unnest($4::uuid[], $5::uuid[]) with ordinality k (channel_id, message_id, number)
left join read.messages_v1 m on m.message_id = k.message_id and m.channel_id = k.channel_id
"""

CHANGES = """
select k.number, m.message_id is not null as found,
  case when k.number = 1 then (select c.offsets from read.checkpoints($1, $2, $3) c) end as checkpoints,
  m.author_id, array(
    select m.seq union all select c.seq from read.message_changes_v1 c where c.message_id = m.message_id order by 1
  ) as seqs
from unnest($4::uuid[], $5::uuid[]) with ordinality k (channel_id, message_id, number)
left join read.messages_v1 m on m.message_id = k.message_id and m.channel_id = k.channel_id
"""

FELT = """
select k.number, r.user_id is not null as found,
  case when k.number = 1 then (select c.offsets from read.checkpoints($1, $2, $3) c) end as checkpoints
from unnest($4::uuid[], $5::text[], $6::uuid[]) with ordinality k (message_id, emoji, user_id, number)
left join read.reactions_v1 r
  on r.message_id = k.message_id and r.emoji = k.emoji and r.user_id = k.user_id
"""


class Span(NamedTuple):
    """The key of a part of a timeline: the newest `rows` messages with `after_seq` < seq < `before_seq`."""

    channel_id: UUID
    before_seq: int
    after_seq: int
    rows: int


class Replies(NamedTuple):
    """The key of a part of a thread: of the replies to a message, as `Span` has it."""

    channel_id: UUID
    before_seq: int
    after_seq: int
    rows: int
    thread_id: UUID


class Place(NamedTuple):
    """The key of one message: where it was said, and its id."""

    channel_id: UUID
    message_id: UUID


class Felt(NamedTuple):
    """The key of one person's reaction. `channel_id` tells where a change of it is heard."""

    channel_id: UUID
    message_id: UUID
    emoji: str
    user_id: UUID


class Reaction(NamedTuple):
    """How people reacted to a message in one way.

    Args:
        emoji: how.
        emoji_json: the same, as JSON.
        total: how many.
        people: the first of them.
        people_json: the same, as a JSON array.
    """

    emoji: str
    emoji_json: bytes
    total: int
    people: frozenset[UUID]
    people_json: bytes


class Message(NamedTuple):
    """A message: its JSON in two pieces, before and after the author's name.

    Of most messages that is all. Where somebody is mentioned or reacted, `tail` ends before them (see `is_whole`).
    """

    seq: int
    place: Place
    author_id: UUID
    head: bytes
    tail: bytes
    mentions: Sequence[UUID] = ()
    reactions: Sequence[Reaction] = ()

    @property
    def has_text(self) -> bool:
        """Whether it was neither deleted nor its author erased."""
        return not self.tail.startswith(b',"text":null,')

    @property
    def is_whole(self) -> bool:
        """Whether nothing comes after `tail`."""
        return not self.mentions and not self.reactions


class Timeline(NamedTuple):
    """Messages, newest first, and the channel's last seq: where a live subscription goes on."""

    messages: list[Message]
    last_seq: int


class Past(NamedTuple):
    """Where in the channel's stream a message was said, edited and deleted, the oldest first; and by whom it is."""

    author_id: UUID
    seqs: list[int]


def _message(row: Any) -> Message:
    place = Place(row["channel_id"], row["message_id"])
    head = {
        "message_id": place.message_id,
        "channel_id": place.channel_id,
        "seq": row["seq"],
        "number": row["message_number"],
        "author_id": row["author_id"],
    }
    tail = {
        "text": row["text"],
        "sent_at": row["sent_at"],
        "edited_at": row["edited_at"],
        "deleted": row["deleted"],
        "thread_id": row["thread_id"],
        "reply_count": row["reply_count"],
    }
    mentioned = row["mentions"] if row["text"] is not None else None  # whom the erased named went with what they said
    mentions, reactions = mentioned or (), _reactions(row["reactions"])
    if not mentions and not reactions:
        tail |= {"mentions": (), "reactions": ()}
    ready = b"," + encoded(tail)[1:]
    return Message(
        row["seq"],
        place,
        row["author_id"],
        encoded(head)[:-1] + b',"author_name":',
        ready if "mentions" in tail else ready[:-1],
        mentions,
        reactions,
    )


def _reactions(text: str | None) -> Sequence[Reaction]:
    if text is None:
        return ()
    return [
        Reaction(emoji, encoded(emoji), total, frozenset(map(UUID, people)), encoded(people))
        for emoji, total, people in orjson.loads(text)
    ]


def _timeline(_: object, rows: Sequence[Any]) -> Timeline | None:
    if not rows:
        return None
    return Timeline([_message(row) for row in rows if row["seq"] is not None], rows[0]["last_seq"])


def _columns(keys: Sequence[Sequence[Any]]) -> tuple[list[Any], ...]:
    return tuple(list(column) for column in zip(*keys, strict=True))


def _channel(key: Span | Replies | Place | Felt) -> str:
    """Whatever happens to messages, their replies and reactions is told in their channel."""
    return str(key.channel_id)


def _size_bytes(messages: Collection[Message]) -> int:
    return sum(
        300 + len(m.head) + len(m.tail) + 80 * len(m.mentions) + sum(300 + 100 * len(r.people) for r in m.reactions)
        for m in messages
    )


TIMELINE: Lookup[Span, Timeline | None] = Lookup(
    "timeline",
    "messages",
    by_rows(TIMELINES, _columns, _timeline),
    event_key=_channel,
    changed_by=lambda key, _: (_channel(key),),
    size_bytes=lambda found: _size_bytes(found.messages) if found else 0,
    at_once=50,
    abreast=2,
    erasable=lambda found: {message.author_id for message in found.messages} if found else (),
)
"""A part of a channel's timeline; None when there is no such channel (yet)."""

THREAD: Lookup[Replies, Timeline | None] = Lookup(
    "thread",
    "messages",
    by_rows(THREADS, _columns, _timeline),
    event_key=_channel,
    changed_by=lambda key, _: (_channel(key),),
    size_bytes=lambda found: _size_bytes(found.messages) if found else 0,
    at_once=50,
    erasable=lambda found: {message.author_id for message in found.messages} if found else (),
)
"""A part of a thread; None when there is no such channel (yet)."""

MESSAGE: Lookup[Place, Message | None] = Lookup(
    "message",
    "messages",
    by_rows(MESSAGES, _columns, lambda _, rows: _message(rows[0]) if rows else None),
    event_key=_channel,
    changed_by=lambda key, _: (_channel(key),),
    size_bytes=lambda found: _size_bytes((found,)) if found else 0,
    erasable=lambda found: (found.author_id,) if found else (),
)
"""One message; None when there is none (yet) in this channel."""

PAST: Lookup[Place, Past | None] = Lookup(
    "message_past",
    "messages",
    by_rows(CHANGES, _columns, lambda _, rows: Past(rows[0]["author_id"], rows[0]["seqs"]) if rows else None),
    event_key=_channel,
    changed_by=lambda key, _: (_channel(key),),
    size_bytes=lambda found: 200 + 40 * len(found.seqs) if found else 0,
    erasable=lambda found: (found.author_id,) if found else (),
)
"""What a message's history is made from; None when there is none (yet) in this channel."""

FELT_BY: Lookup[Felt, bool] = Lookup(
    "reaction",
    "messages",
    by_rows(FELT, lambda keys: _columns([key[1:] for key in keys]), lambda _, rows: bool(rows)),
    event_key=_channel,
    changed_by=lambda key, _: (_channel(key),),
    size_bytes=lambda _: 300,
)
"""Whether somebody has reacted so; asked where they are not among the first."""
