"""The catalogue of courses: one row per course. It must not know who is enrolled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import msgspec

from events.courses import CourseArchived, CourseChanged, CourseCreated, CoursePublished
from events.recorded import Delivered
from projectors.projection import Projection, Transaction

COLUMNS = (
    "course_id", "owner_id", "title", "description", "tags", "capacity", "status", "created_at", "published_at",
    "version",
)  # fmt: skip

_CHANGE = """
    update course c set
      title = n.title, description = n.description, capacity = n.capacity,
      tags = array(select json_array_elements_text(n.tags::json)),
      version = greatest(c.version, n.version)
    from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::integer[], $6::bigint[])
      n (course_id, title, description, tags, capacity, version)
    where c.course_id = n.course_id"""
_MOVE_ON = """
    update course c set
      status = n.status, published_at = coalesce(n.published_at, c.published_at),
      version = greatest(c.version, n.version)
    from unnest($1::uuid[], $2::text[], $3::timestamptz[], $4::bigint[]) n (course_id, status, published_at, version)
    where c.course_id = n.course_id"""


@dataclass(slots=True)
class _Life:
    """How far a course has come in its life."""

    status: str
    published_at: datetime | None
    version: int


class Courses(Projection):
    """What courses say about themselves, and whether they are open."""

    name = "courses"
    version = 1
    handles = (CourseCreated, CourseChanged, CoursePublished, CourseArchived)

    async def apply(self, transaction: Transaction, batch: Sequence[Delivered]) -> None:
        """Copies in new courses, then changes texts and states with a statement each."""
        created: dict[UUID, Delivered] = {}
        texts: dict[UUID, tuple[CourseCreated | CourseChanged, int]] = {}
        lives: dict[UUID, _Life] = {}
        for delivered in batch:
            recorded, event = delivered.recorded, delivered.event
            if type(event) is CourseCreated:
                created[event.course_id] = delivered
                texts[event.course_id] = (event, recorded.version)
            elif type(event) is CourseChanged:
                texts[event.course_id] = (event, recorded.version)
            elif type(event) is CoursePublished:
                lives[event.course_id] = _Life("published", recorded.at, recorded.version)
            elif type(event) is CourseArchived:
                before = lives.get(event.course_id)
                lives[event.course_id] = _Life("archived", before.published_at if before else None, recorded.version)
        if created:
            rows = [_row(delivered, texts, lives) for delivered in created.values()]
            await transaction.copy_records_to_table("course", records=rows, columns=COLUMNS)
        await _change(transaction, {key: text for key, text in texts.items() if key not in created})
        await _move_on(transaction, {key: life for key, life in lives.items() if key not in created})


def _row(
    delivered: Delivered, texts: dict[UUID, tuple[CourseCreated | CourseChanged, int]], lives: dict[UUID, _Life]
) -> tuple[object, ...]:
    """A course's row at the end of the batch that it was created in."""
    event = delivered.event
    assert isinstance(event, CourseCreated)
    text, version = texts[event.course_id]
    life = lives.get(event.course_id) or _Life("draft", None, version)
    return (
        event.course_id, event.owner_id, text.title, text.description, text.tags, text.capacity, life.status,
        delivered.recorded.at, life.published_at, max(version, life.version),
    )  # fmt: skip


async def _change(transaction: Transaction, texts: dict[UUID, tuple[CourseCreated | CourseChanged, int]]) -> None:
    if not texts:
        return
    said = [text for text, _ in texts.values()]
    await transaction.execute(
        _CHANGE,
        list(texts),
        [text.title for text in said],
        [text.description for text in said],
        [msgspec.json.encode(text.tags).decode() for text in said],
        [text.capacity for text in said],
        [version for _, version in texts.values()],
    )


async def _move_on(transaction: Transaction, lives: dict[UUID, _Life]) -> None:
    if lives:
        await transaction.execute(
            _MOVE_ON,
            list(lives),
            [life.status for life in lives.values()],
            [life.published_at for life in lives.values()],
            [life.version for life in lives.values()],
        )
