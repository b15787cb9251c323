"""Look-ups in the view of enrolments: who is in which course, and how many. The owner of a course is not in it.

It must not know HTTP nor who may see what.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from query_api.lookups import Lookup, by_rows

COUNTS = """
select k.number, n.course_id is not null as found,
  case when k.number = 1 then (select c.offsets from read.checkpoints($1, $2, $3) c) end as checkpoints,
  n.enrolled_count
from unnest($4::uuid[]) with ordinality k (course_id, number)
left join read.enrollment_counts_v1 n on n.course_id = k.course_id
"""

MEMBERS = """
select k.number, e.course_id is not null as found,
  case when k.number = 1 then (select c.offsets from read.checkpoints($1, $2, $3) c) end as checkpoints
from unnest($4::uuid[], $5::uuid[]) with ordinality k (course_id, user_id, number)
left join read.enrollments_v1 e on e.course_id = k.course_id and e.user_id = k.user_id
"""

COURSES_OF_PEOPLE = """
select k.number, e.course_id is not null as found,
  case when k.number = 1 then (select c.offsets from read.checkpoints($1, $2, $3) c) end as checkpoints,
  e.course_id, e.enrolled_at
from unnest($4::uuid[]) with ordinality k (user_id, number)
left join read.enrollments_v1 e on e.user_id = k.user_id
order by k.number, e.enrolled_at, e.course_id
"""

PAGES_OF_PEOPLE = """
select k.number, e.course_id is not null as found,
  case when k.number = 1 then (select c.offsets from read.checkpoints($1, $2, $3) c) end as checkpoints,
  e.course_id as id, e.enrolled_at
from unnest($4::uuid[], $5::timestamptz[], $6::uuid[], $7::integer[])
  with ordinality k (user_id, before_at, before_id, rows, number)
left join lateral (
  select e.course_id, e.enrolled_at from read.enrollments_v1 e
  where e.user_id = k.user_id and (e.enrolled_at, e.course_id) < (k.before_at, k.before_id)
  order by e.enrolled_at desc, e.course_id desc limit k.rows
) e on true
order by k.number, e.enrolled_at desc, e.course_id desc
"""

PAGES_OF_ROSTERS = """
select k.number, e.user_id is not null as found,
  case when k.number = 1 then (select c.offsets from read.checkpoints($1, $2, $3) c) end as checkpoints,
  e.user_id as id, e.enrolled_at
from unnest($4::uuid[], $5::timestamptz[], $6::uuid[], $7::integer[])
  with ordinality k (course_id, before_at, before_id, rows, number)
left join lateral (
  select e.user_id, e.enrolled_at from read.enrollments_v1 e
  where e.course_id = k.course_id and (e.enrolled_at, e.user_id) < (k.before_at, k.before_id)
  order by e.enrolled_at desc, e.user_id desc limit k.rows
) e on true
order by k.number, e.enrolled_at desc, e.user_id desc
"""


class Membership(NamedTuple):
    """The key of a membership."""

    course_id: UUID
    user_id: UUID


class Page(NamedTuple):
    """The key of a page of enrolments, newest first.

    Args:
        of: whose: a person's courses or a course's roster.
        before_at: only what sorts after this time …
        before_id: … and this id, that is to say, is older.
        rows: how many at most.
    """

    of: UUID
    before_at: datetime
    before_id: UUID
    rows: int


class Enrollment(NamedTuple):
    """One enrolment, with the id of the other side: the course or the person."""

    id: UUID
    enrolled_at: datetime


def _columns(keys: Sequence[tuple[Any, ...]]) -> tuple[Any, ...]:
    return tuple(list(column) for column in zip(*keys, strict=True))


def _enrollments(_key: Page, rows: Sequence[Any]) -> list[Enrollment]:
    return [Enrollment(row["id"], row["enrolled_at"]) for row in rows]


COUNT: Lookup[UUID, int] = Lookup(
    "enrolled_count",
    "enrollments",
    by_rows(COUNTS, lambda keys: (keys,), lambda _, rows: rows[0]["enrolled_count"] if rows else 0),
    event_key=str,
    changed_by=lambda course_id, _: (str(course_id),),
    size_bytes=lambda _: 0,
)
"""How many are enrolled in a course."""

MEMBER: Lookup[Membership, bool] = Lookup(
    "member",
    "enrollments",
    by_rows(MEMBERS, _columns, lambda _, rows: bool(rows)),
    event_key=lambda key: str(key.course_id),
    changed_by=lambda key, _: (str(key.user_id),),
    size_bytes=lambda _: 0,
)
"""Whether someone is enrolled in a course."""

COURSES_OF: Lookup[UUID, Mapping[UUID, datetime]] = Lookup(
    "courses_of",
    "enrollments",
    by_rows(
        COURSES_OF_PEOPLE, lambda keys: (keys,), lambda _, rows: {row["course_id"]: row["enrolled_at"] for row in rows}
    ),
    event_key=lambda _: None,
    changed_by=lambda user_id, _: (str(user_id),),
    size_bytes=lambda found: 220 * len(found),
)
"""The ids of all courses that someone is enrolled in, and since when, in the order of enrolment."""

PAGE_OF_PERSON: Lookup[Page, list[Enrollment]] = Lookup(
    "courses_of_person",
    "enrollments",
    by_rows(PAGES_OF_PEOPLE, _columns, _enrollments),
    event_key=lambda _: None,
    changed_by=lambda key, _: (str(key.of),),
    size_bytes=lambda found: 250 * len(found),
)
"""A page of what someone is enrolled in."""

PAGE_OF_ROSTER: Lookup[Page, list[Enrollment]] = Lookup(
    "roster",
    "enrollments",
    by_rows(PAGES_OF_ROSTERS, _columns, _enrollments),
    event_key=lambda key: str(key.of),
    changed_by=lambda key, _: (str(key.of),),
    size_bytes=lambda found: 250 * len(found),
)
"""A page of who is enrolled in a course."""
