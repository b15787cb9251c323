"""Look-ups in the view of channels: who each belongs to, which somebody has, and how one stands to each.

It must not know HTTP nor who may see what, nor what is said in them (messages.py).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from query_api.lookups import Lookup, by_rows
from query_api.wire import encoded

HOMES = """
select k.number, h.channel_id is not null as found,
  case when k.number = 1 then (select c.offsets from read.checkpoints($1, $2, $3) c) end as checkpoints,
  h.course_id, h.owner_id, h.people
from unnest($4::uuid[]) with ordinality k (channel_id, number)
left join read.channels_v1 h on h.channel_id = k.channel_id
"""

CHANNELS_OF_COURSES = """
select k.number, h.channel_id is not null as found,
  case when k.number = 1 then (select c.offsets from read.checkpoints($1, $2, $3) c) end as checkpoints,
  h.channel_id, h.owner_id, h.course_id, h.name, h.opened_at, h.last_seq, h.message_count
from unnest($4::uuid[]) with ordinality k (course_id, number)
left join read.channels_v1 h on h.course_id = k.course_id
order by k.number, h.opened_at, h.channel_id
"""

IDS_OF_COURSES = """
select k.number, h.channel_id is not null as found,
  case when k.number = 1 then (select c.offsets from read.checkpoints($1, $2, $3) c) end as checkpoints,
  h.channel_id
from unnest($4::uuid[]) with ordinality k (course_id, number)
left join read.channels_v1 h on h.course_id = k.course_id
order by k.number, h.opened_at, h.channel_id
"""

OWNED_COURSES = """
select k.number, o.course_id is not null as found,
  case when k.number = 1 then (select c.offsets from read.checkpoints($1, $2, $3) c) end as checkpoints,
  o.course_id, o.since
from unnest($4::uuid[]) with ordinality k (user_id, number)
left join lateral (
  select h.course_id, min(h.opened_at) as since from read.channels_v1 h
  where h.owner_id = k.user_id group by h.course_id
) o on true
order by k.number, o.since, o.course_id
"""

DIRECT_CHANNELS = """
select k.number, p.channel_id is not null as found,
  case when k.number = 1 then (select c.offsets from read.checkpoints($1, $2, $3) c) end as checkpoints,
  p.channel_id
from unnest($4::uuid[]) with ordinality k (user_id, number)
left join read.channel_people_v1 p on p.user_id = k.user_id
"""

STANDINGS = """
select k.number, h.channel_id is not null as found,
  case when k.number = 1 then (select c.offsets from read.checkpoints($1, $2, $3) c) end as checkpoints,
  h.course_id, h.owner_id, h.people, h.name, h.opened_at, h.last_seq, h.message_count, o.number as own_number,
  (select count(*) from read.mentions_v1 m where m.user_id = k.user_id and m.channel_id = k.channel_id
    and m.number > greatest(k.read_number, o.number)) as mentions,
  case when h.people is not null then
    (select m.sent_at from read.messages_v1 m where m.channel_id = k.channel_id order by m.seq desc limit 1)
  end as latest_at
from unnest($4::uuid[], $5::uuid[], $6::bigint[]) with ordinality k (channel_id, user_id, read_number, number)
left join read.channels_v1 h on h.channel_id = k.channel_id
left join lateral (
  select a.number from read.authored_v1 a where a.author_id = k.user_id and a.channel_id = k.channel_id
  order by a.number desc limit 1
) o on true
"""


class Home(NamedTuple):
    """Who a channel belongs to; never changes.

    Args:
        course_id: whose channel it is; None: a direct one, of two people.
        owner_id: who owns the course.
        people: the two of a direct channel.
    """

    course_id: UUID | None
    owner_id: UUID | None
    people: tuple[UUID, ...] = ()

    def other(self, user_id: UUID) -> UUID:
        """Whom somebody talks to in a direct channel."""
        return next(person for person in self.people if person != user_id)


class Channel(NamedTuple):
    """A channel of a course, with its JSON, and who owns the course."""

    channel_id: UUID
    owner_id: UUID
    json: bytes


class Stand(NamedTuple):
    """The key of a standing: who looks at which channel, having read up to which number."""

    channel_id: UUID
    user_id: UUID
    read_number: int


class Standing(NamedTuple):
    """A channel as it is, and what of it is new to somebody.

    Args:
        home: who it belongs to.
        name: what it is called; None: a direct one.
        opened_at: when it was opened.
        last_seq: the seq of its last event.
        message_count: the number of its last message.
        unread: how many messages came after what they read or said last.
        unread_mentions: in how many of these they are mentioned.
        latest_at: of a direct one, when something was said last; before that, when it was opened.
    """

    home: Home
    name: str | None
    opened_at: datetime
    last_seq: int
    message_count: int
    unread: int
    unread_mentions: int
    latest_at: datetime


def _home(_key: UUID, rows: Sequence[Any]) -> Home | None:
    return _home_in(rows[0]) if rows else None


def _home_in(row: Any) -> Home:
    return Home(row["course_id"], row["owner_id"], tuple(row["people"] or ()))


def _standing(key: Stand, rows: Sequence[Any]) -> Standing | None:
    if not rows:
        return None
    row = rows[0]
    seen = max(key.read_number, row["own_number"] or 0)
    return Standing(
        _home_in(row),
        row["name"],
        row["opened_at"],
        row["last_seq"],
        row["message_count"],
        max(0, row["message_count"] - seen),
        row["mentions"],
        row["latest_at"] or row["opened_at"],
    )


def _channel(row: Any) -> Channel:
    columns = ("channel_id", "course_id", "name", "opened_at", "last_seq", "message_count")
    shown = {column: row[column] for column in columns}
    return Channel(row["channel_id"], row["owner_id"], encoded(shown))


HOME: Lookup[UUID, Home | None] = Lookup(
    "channel_home",
    "messages",
    by_rows(HOMES, lambda keys: (keys,), _home),
    event_key=str,
    changed_by=lambda channel_id, found: () if found else (str(channel_id),),
    size_bytes=lambda _: 300,
)
"""Who a channel belongs to; None when there is no such channel (yet)."""

CHANNELS_OF: Lookup[UUID, list[Channel]] = Lookup(
    "channels_of_course",
    "messages",
    by_rows(CHANNELS_OF_COURSES, lambda keys: (keys,), lambda _, rows: [_channel(row) for row in rows]),
    event_key=lambda _: None,
    changed_by=lambda course_id, found: (str(course_id), *(str(channel.channel_id) for channel in found)),
    size_bytes=lambda found: sum(200 + len(channel.json) for channel in found),
)
"""The channels of a course, oldest first."""

IDS_OF: Lookup[UUID, tuple[UUID, ...]] = Lookup(
    "channel_ids_of_course",
    "messages",
    by_rows(IDS_OF_COURSES, lambda keys: (keys,), lambda _, rows: tuple(row["channel_id"] for row in rows)),
    event_key=lambda _: None,
    changed_by=lambda course_id, _: (str(course_id),),
    size_bytes=lambda found: 120 * len(found),
)
"""The ids of a course's channels, oldest first. Unlike `CHANNELS_OF`, it does not change with what is said."""

OWNED_BY: Lookup[UUID, Mapping[UUID, datetime]] = Lookup(
    "courses_owned_by",
    "messages",
    by_rows(OWNED_COURSES, lambda keys: (keys,), lambda _, rows: {row["course_id"]: row["since"] for row in rows}),
    event_key=lambda _: None,
    changed_by=lambda user_id, _: (str(user_id),),
    size_bytes=lambda found: 220 * len(found),
)
"""The ids of all courses that someone owns, and since when they have channels, oldest first."""

DIRECT_OF: Lookup[UUID, tuple[UUID, ...]] = Lookup(
    "direct_channels_of",
    "messages",
    by_rows(DIRECT_CHANNELS, lambda keys: (keys,), lambda _, rows: tuple(row["channel_id"] for row in rows)),
    event_key=lambda _: None,
    changed_by=lambda user_id, _: (str(user_id),),
    size_bytes=lambda found: 120 * len(found),
)
"""The ids of someone's direct channels."""

STANDING: Lookup[Stand, Standing | None] = Lookup(
    "standing",
    "messages",
    by_rows(STANDINGS, lambda keys: tuple(list(column) for column in zip(*keys, strict=True)), _standing),
    event_key=lambda key: str(key.channel_id),
    changed_by=lambda key, _: (str(key.channel_id),),
    size_bytes=lambda _: 900,
)
"""A channel and what of it is new to somebody; None when there is no such channel (yet)."""
