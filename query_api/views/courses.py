"""Look-ups in the view of courses: single ones, the catalogue, and somebody's drafts.

The catalogue's statement depends on what is filtered by, so it is composed with SQLAlchemy; asyncpg runs its text.
It must not know HTTP nor who may see what.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple
from uuid import UUID

import asyncpg
from sqlalchemy import (
    ARRAY,
    TEXT,
    ColumnElement,
    DateTime,
    Integer,
    Select,
    Uuid,
    and_,
    bindparam,
    column,
    func,
    literal_column,
    select,
    table,
    true,
    tuple_,
)  # fmt: skip
from sqlalchemy.dialects.postgresql import asyncpg as asyncpg_dialect

from query_api.cache import EVERYTHING
from query_api.checkpoints import Behind
from query_api.lookups import Found, Lookup, by_rows
from query_api.wire import encoded

COURSES = """
select k.number, o.course_id is not null as found,
  case when k.number = 1 then (select c.offsets from read.checkpoints($1, $2, $3) c) end as checkpoints,
  o.course_id, o.owner_id, o.title, o.description, o.tags, o.capacity, o.status, o.created_at, o.published_at, o.version
from unnest($4::uuid[]) with ordinality k (course_id, number)
left join read.courses_v1 o on o.course_id = k.course_id
"""

COLUMNS = (
    "course_id", "owner_id", "title", "description", "tags", "capacity", "status", "created_at", "published_at",
    "version",
)  # fmt: skip
SHOWN = ("course_id", "title", "description", "tags", "status", "owner_id", "capacity", "created_at")

_course = table("courses_v1", *map(column, (*COLUMNS, "search")), schema="read")
_dialect = asyncpg_dialect.dialect()  # type: ignore[no-untyped-call]


class Course(NamedTuple):
    """One row of the view. `head` is its JSON object, still open at the end."""

    course_id: UUID
    owner_id: UUID
    title: str
    capacity: int | None
    status: str
    created_at: datetime
    ever_published: bool
    version: int
    head: bytes


class Filter(NamedTuple):
    """The key of a page of courses, newest first.

    Args:
        q: words that the title or description must have (as one types them into a search box); None for any.
        tag: a tag that it must have; None for any.
        before: only what sorts after this (created_at, course_id), that is to say, is older; None from the start.
        rows: how many at most.
        owner_id: whose drafts; None for the published ones of all.
    """

    q: str | None
    tag: str | None
    before: tuple[datetime, UUID] | None
    rows: int
    owner_id: UUID | None = None


def course_of(row: Any) -> Course:
    """A course from a row with all `COLUMNS`."""
    head = encoded({name: row[name] for name in SHOWN})[:-1]
    return Course(
        row["course_id"],
        row["owner_id"],
        row["title"],
        row["capacity"],
        row["status"],
        row["created_at"],
        row["published_at"] is not None,
        row["version"],
        head,
    )


@lru_cache
def page_statement(q: bool, tag: bool, before: bool, own: bool) -> tuple[str, tuple[str, ...]]:
    """The catalogue's statement for what is filtered by, and the names of its arguments in order."""
    page = _filtered(select(*(_course.c[name] for name in COLUMNS)), q, tag, before, own)
    newest_first = page.order_by(_course.c.created_at.desc(), _course.c.course_id.desc())
    found = newest_first.limit(bindparam("rows", type_=Integer)).subquery("page")
    behind = (
        bindparam("projection", type_=TEXT), bindparam("version", type_=Integer), bindparam("topics", type_=ARRAY(TEXT))
    )  # fmt: skip
    checkpoints = select(func.read.checkpoints(*behind).table_valued("offsets").c.offsets)
    nothing = select(literal_column("1").label("one")).subquery("nothing")
    whole = (
        select(checkpoints.scalar_subquery().label("checkpoints"), found)
        .select_from(nothing.outerjoin(found, true()))
        .order_by(found.c.created_at.desc(), found.c.course_id.desc())
    )
    compiled = whole.compile(dialect=_dialect)
    return str(compiled), tuple(compiled.positiontup or ())


def _filtered(page: Select[Any], q: bool, tag: bool, before: bool, own: bool) -> Select[Any]:
    conditions: list[ColumnElement[bool]] = [
        _course.c.status == literal_column("'draft'" if own else "'published'")
    ]  # literals: the catalogue's index is partial
    if own:
        conditions.append(_course.c.owner_id == bindparam("owner_id", type_=Uuid))
    if q:
        query = func.websearch_to_tsquery(literal_column("'simple'::regconfig"), bindparam("q", type_=TEXT))
        conditions.append(_course.c.search.op("@@")(query))
    if tag:
        conditions.append(_course.c.tags.op("@>")(bindparam("tag", type_=ARRAY(TEXT))))
    if before:
        last = tuple_(bindparam("at", type_=DateTime(timezone=True)), bindparam("id", type_=Uuid))
        conditions.append(tuple_(_course.c.created_at, _course.c.course_id) < last)
    return page.where(and_(*conditions))


async def _page(connection: asyncpg.Connection, behind: Behind, keys: Sequence[Filter]) -> Found[list[Course]]:
    (key,) = keys
    own = key.owner_id is not None
    sql, names = page_statement(key.q is not None, key.tag is not None, key.before is not None, own)
    at, course_id = key.before or (None, None)
    given = {**behind._asdict(), **key._asdict(), "tag": [key.tag], "at": at, "id": course_id}
    rows = await connection.fetch(sql, *(given[name] for name in names))
    return rows[0]["checkpoints"], [[course_of(row) for row in rows if row["course_id"] is not None]]


def _size(courses: Sequence[Course]) -> int:
    return sum(600 + len(course.head) for course in courses)


COURSE: Lookup[UUID, Course | None] = Lookup(
    "course",
    "courses",
    by_rows(COURSES, lambda keys: (keys,), lambda _, rows: course_of(rows[0]) if rows else None),
    event_key=str,
    changed_by=lambda course_id, _: (str(course_id),),
    size_bytes=lambda course: 200 + len(course.head) if course else 0,
)
"""A course by its id, whatever its status; None when there is none (yet)."""

PAGE: Lookup[Filter, list[Course]] = Lookup(
    "courses",
    "courses",
    _page,
    event_key=lambda _: None,
    changed_by=lambda _, __: (EVERYTHING,),
    size_bytes=_size,
    at_once=1,
    abreast=3,
)
"""A page of the published courses, or of somebody's drafts."""
