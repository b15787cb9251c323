"""Look-ups in the view of channels: where each belongs, and which a course has.

It must not know HTTP nor who may see what, nor what is said in them (messages.py).
"""

from __future__ import annotations

from typing import Any, NamedTuple
from uuid import UUID

from query_api.lookups import Lookup, by_rows
from query_api.wire import encoded

HOMES = """
select k.number, h.channel_id is not null as found,
  case when k.number = 1 then (select c.offsets from read.checkpoints($1, $2, $3) c) end as checkpoints,
  h.course_id, h.owner_id
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


class Channel(NamedTuple):
    """A channel of a course, with its JSON, and who owns the course."""

    channel_id: UUID
    owner_id: UUID
    json: bytes


def _channel(row: Any) -> Channel:
    columns = ("channel_id", "course_id", "name", "opened_at", "last_seq", "message_count")
    shown = {column: row[column] for column in columns}
    return Channel(row["channel_id"], row["owner_id"], encoded(shown))


HOME: Lookup[UUID, Home | None] = Lookup(
    "channel_home",
    "messages",
    by_rows(
        HOMES, lambda keys: (keys,), lambda _, rows: Home(rows[0]["course_id"], rows[0]["owner_id"]) if rows else None
    ),
    event_key=str,
    changed_by=lambda channel_id, found: () if found else (str(channel_id),),
    size_bytes=lambda _: 200,
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
