"""Look-ups in the view of how far everybody has read. It must not know HTTP nor how many messages there are."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from query_api.lookups import Lookup, by_rows

MARKS = """
select k.number, r.channel_id is not null as found,
  case when k.number = 1 then (select c.offsets from read.checkpoints($1, $2, $3) c) end as checkpoints,
  r.channel_id, r.number as read_number
from unnest($4::uuid[]) with ordinality k (user_id, number)
left join read.read_markers_v1 r on r.user_id = k.user_id
"""

MARKS_OF: Lookup[UUID, Mapping[UUID, int]] = Lookup(
    "marks_of",
    "reading",
    by_rows(MARKS, lambda keys: (keys,), lambda _, rows: {row["channel_id"]: row["read_number"] for row in rows}),
    event_key=str,
    changed_by=lambda user_id, _: (str(user_id),),
    size_bytes=lambda found: 200 * len(found),
)
"""The number of the last message that someone has seen, for every channel that they have read in."""
