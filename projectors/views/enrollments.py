"""Who is in which course now, and how many. It must not know what courses or people look like."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from events.enrollments import Enrolled, Unenrolled
from events.recorded import Delivered
from projectors.projection import Projection, Transaction

COLUMNS = ("course_id", "user_id", "enrolled_at")

_LEAVE = """
    delete from enrollment e using unnest($1::uuid[], $2::uuid[]) g (course_id, user_id)
    where e.course_id = g.course_id and e.user_id = g.user_id"""
# A course with nobody in it any more keeps its row, also when that happens within one batch.
_GROW = """
    insert into enrollment_count (course_id, enrolled_count) select * from unnest($1::uuid[], $2::integer[])
    on conflict (course_id) do update set enrolled_count = enrollment_count.enrolled_count + excluded.enrolled_count"""
_SHRINK = """
    update enrollment_count c set enrolled_count = c.enrolled_count + n.change
    from unnest($1::uuid[], $2::integer[]) n (course_id, change)
    where c.course_id = n.course_id"""

Membership = tuple[str, UUID]
"""A course, by the event's key, which is its id as text: much quicker to look up than a UUID; and a person."""


class Enrollments(Projection):
    """Memberships and their number per course."""

    name = "enrollments"
    version = 1
    handles = (Enrolled, Unenrolled)

    async def apply(self, transaction: Transaction, batch: Sequence[Delivered]) -> None:
        """Removes who was there before and left, copies in who is there at the end, and moves the counts."""
        there: dict[Membership, datetime | None] = {}
        were_there: list[Membership] = []
        changes: dict[str, int] = {}
        for delivered in batch:
            recorded, event = delivered.recorded, delivered.event
            course = recorded.key
            if type(event) is Enrolled:
                there[course, event.user_id] = recorded.at
                changes[course] = changes.get(course, 0) + 1
            elif type(event) is Unenrolled:
                membership = (course, event.user_id)
                if membership not in there:
                    were_there.append(membership)
                there[membership] = None
                changes[course] = changes.get(course, 0) - 1
        if were_there:
            await transaction.execute(_LEAVE, [c for c, _ in were_there], [u for _, u in were_there])
        if staying := [(c, u, at) for (c, u), at in there.items() if at is not None]:
            await transaction.copy_records_to_table("enrollment", records=staying, columns=COLUMNS)
        if growing := {course: change for course, change in changes.items() if change >= 0}:
            await transaction.execute(_GROW, list(growing), list(growing.values()))
        if shrinking := {course: change for course, change in changes.items() if change < 0}:
            await transaction.execute(_SHRINK, list(shrinking), list(shrinking.values()))
