"""Look-ups of who is muted and what was reported. It must not know HTTP nor who may see what."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from query_api.cache import EVERYTHING
from query_api.lookups import Lookup, by_rows

PAGES_OF_MUTES = """
select k.number, m.user_id is not null as found,
  case when k.number = 1 then (select c.offsets from read.checkpoints($1, $2, $3) c) end as checkpoints,
  m.user_id, m.muted_by, m.muted_at, m.until
from unnest($4::uuid[], $5::timestamptz[], $6::timestamptz[], $7::uuid[], $8::integer[])
  with ordinality k (course_id, now, before_at, before_id, rows, number)
left join lateral (
  select m.* from read.mutes_v1 m
  where m.course_id = k.course_id and m.until > k.now and (m.muted_at, m.user_id) < (k.before_at, k.before_id)
  order by m.muted_at desc, m.user_id desc limit k.rows
) m on true
order by k.number, m.muted_at desc, m.user_id desc
"""

PAGES_OF_COURSES = """
select k.number, r.report_id is not null as found,
  case when k.number = 1 then (select c.offsets from read.checkpoints($1, $2, $3) c) end as checkpoints,
  r.*
from unnest($4::uuid[], $5::boolean[], $6::timestamptz[], $7::uuid[], $8::integer[])
  with ordinality k (course_id, open, before_at, before_id, rows, number)
left join lateral (
  select r.* from read.reports_v1 r
  where r.course_id = k.course_id and r.open = k.open and (r.reported_at, r.report_id) < (k.before_at, k.before_id)
  order by r.reported_at desc, r.report_id desc limit k.rows
) r on true
order by k.number, r.reported_at desc, r.report_id desc
"""

PAGES_OF_ALL = """
select k.number, r.report_id is not null as found,
  case when k.number = 1 then (select c.offsets from read.checkpoints($1, $2, $3) c) end as checkpoints,
  r.*
from unnest($4::boolean[], $5::timestamptz[], $6::uuid[], $7::integer[])
  with ordinality k (open, before_at, before_id, rows, number)
left join lateral (
  select r.* from read.reports_v1 r
  where r.open = k.open and (r.reported_at, r.report_id) < (k.before_at, k.before_id)
  order by r.reported_at desc, r.report_id desc limit k.rows
) r on true
order by k.number, r.reported_at desc, r.report_id desc
"""

ONE_BY_ONE = """
select k.number, r.report_id is not null as found,
  case when k.number = 1 then (select c.offsets from read.checkpoints($1, $2, $3) c) end as checkpoints,
  r.*
from unnest($4::uuid[]) with ordinality k (report_id, number)
left join read.reports_v1 r on r.report_id = k.report_id
"""

REPORT_COLUMNS = (
    "report_id", "channel_id", "course_id", "message_id", "reason", "reported_by", "reported_at", "resolved_at",
    "resolved_by", "outcome",
)  # fmt: skip


class MutedIn(NamedTuple):
    """The key of a page of who is muted in a course, the latest first.

    Args:
        course_id: where.
        now: whoever is muted until then or earlier is not muted any more.
        before_at: only what sorts after this time …
        before_id: … and this id, that is to say, is older.
        rows: how many at most.
    """

    course_id: UUID
    now: datetime
    before_at: datetime
    before_id: UUID
    rows: int


class Mute(NamedTuple):
    """Someone who is muted."""

    user_id: UUID
    muted_by: UUID
    muted_at: datetime
    until: datetime


class Wanted(NamedTuple):
    """The key of a page of reports, the latest first.

    Args:
        open: those that nobody has resolved, or the others.
        before_at: only what sorts after this time …
        before_id: … and this id, that is to say, is older.
        rows: how many at most.
    """

    open: bool
    before_at: datetime
    before_id: UUID
    rows: int


class WantedOf(NamedTuple):
    """The key of a page of a course's reports."""

    course_id: UUID
    open: bool
    before_at: datetime
    before_id: UUID
    rows: int


Report = dict[str, Any]
"""A row of the view, by column."""


def _report(row: Any) -> Report:
    return {column: row[column] for column in REPORT_COLUMNS}


def _columns(keys: Sequence[tuple[Any, ...]]) -> tuple[Any, ...]:
    return tuple(list(column) for column in zip(*keys, strict=True))


def _mutes(_key: MutedIn, rows: Sequence[Any]) -> list[Mute]:
    return [Mute(row["user_id"], row["muted_by"], row["muted_at"], row["until"]) for row in rows]


def _reports(_key: object, rows: Sequence[Any]) -> list[Report]:
    return [_report(row) for row in rows]


MUTES: Lookup[MutedIn, list[Mute]] = Lookup(
    "mutes",
    "moderation",
    by_rows(PAGES_OF_MUTES, _columns, _mutes),
    event_key=lambda key: str(key.course_id),
    changed_by=lambda key, _: (str(key.course_id),),
    size_bytes=lambda found: 300 * len(found),
)
"""A page of who is muted in a course."""

REPORTS_OF_COURSE: Lookup[WantedOf, list[Report]] = Lookup(
    "reports_of_course",
    "moderation",
    by_rows(PAGES_OF_COURSES, _columns, _reports),
    event_key=lambda _: None,
    changed_by=lambda _key, _found: (EVERYTHING,),
    size_bytes=lambda found: 900 * len(found),
)
"""A page of a course's reports. What resolves one names its channel only, so anything may change them."""

REPORTS: Lookup[Wanted, list[Report]] = Lookup(
    "reports",
    "moderation",
    by_rows(PAGES_OF_ALL, _columns, _reports),
    event_key=lambda _: None,
    changed_by=lambda _key, _found: (EVERYTHING,),
    size_bytes=lambda found: 900 * len(found),
)
"""A page of all reports, also those of direct channels."""

REPORT: Lookup[UUID, Report | None] = Lookup(
    "report",
    "moderation",
    by_rows(ONE_BY_ONE, lambda keys: (keys,), lambda _, rows: _report(rows[0]) if rows else None),
    event_key=lambda _: None,
    changed_by=lambda _key, _found: (EVERYTHING,),
    size_bytes=lambda _: 900,
)
"""One report; None when there is none (yet)."""
