"""Look-ups in the view of people. Erased people keep their row, with null name and address.

It must not know HTTP nor who may see what.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from query_api.lookups import Lookup, by_rows
from query_api.wire import encoded

PEOPLE = """
select k.number, u.user_id is not null as found,
  case when k.number = 1 then (select c.offsets from read.checkpoints($1, $2, $3) c) end as checkpoints,
  u.user_id, u.display_name, u.email, u.roles, u.joined_at
from unnest($4::uuid[]) with ordinality k (user_id, number)
left join read.users_v1 u on u.user_id = k.user_id
"""


class Person(NamedTuple):
    """One row of the view. `name_json` is the display name as it stands in an answer."""

    user_id: UUID
    display_name: str | None
    name_json: bytes
    email: str | None
    roles: list[str]
    joined_at: datetime


def _person(_key: UUID, rows: Sequence[Any]) -> Person | None:
    if not rows:
        return None
    row = rows[0]
    name = row["display_name"]
    return Person(row["user_id"], name, encoded(name), row["email"], row["roles"], row["joined_at"])


PERSON: Lookup[UUID, Person | None] = Lookup(
    "person",
    "users",
    by_rows(PEOPLE, lambda keys: (keys,), _person),
    event_key=str,
    changed_by=lambda user_id, _: (str(user_id),),
    size_bytes=lambda _: 600,
)
"""Someone by user id; None when there is nobody (yet)."""
