"""Who is muted in which course, and what was reported. It must not know who may see that, nor what was said."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from events.moderation import MemberMuted, MemberUnmuted, MessageReported, ReportResolved
from events.recorded import Delivered, Recorded
from projectors.projection import Projection, Transaction

MUTE_COLUMNS = ("course_id", "user_id", "muted_by", "muted_at", "until")
REPORT_COLUMNS = ("report_id", "channel_id", "course_id", "message_id", "reason", "reported_by", "reported_at")

_FORGET = """
    delete from mute m using unnest($1::uuid[], $2::uuid[]) g (course_id, user_id)
    where m.course_id = g.course_id and m.user_id = g.user_id"""
_RESOLVE = """
    update report r set resolved_at = n.resolved_at, resolved_by = n.resolved_by, outcome = n.outcome
    from unnest($1::uuid[], $2::timestamptz[], $3::uuid[], $4::text[]) n (report_id, resolved_at, resolved_by, outcome)
    where r.report_id = n.report_id"""


class _Fold:
    """What a batch comes to: of each person the last word, new reports, and reports that were resolved."""

    def __init__(self) -> None:
        self.mutes: dict[tuple[str, UUID], tuple[Any, ...] | None] = {}
        self.reports: list[tuple[Any, ...]] = []
        self.resolved: list[tuple[Any, ...]] = []

    def add(self, recorded: Recorded, event: object) -> None:
        """Folds one event in."""
        if type(event) is MemberMuted:
            row = (recorded.key, event.user_id, event.muted_by, recorded.at, event.until)
            self.mutes[recorded.key, event.user_id] = row
        elif type(event) is MemberUnmuted:
            self.mutes[recorded.key, event.user_id] = None
        elif type(event) is MessageReported:
            self.reports.append(
                (event.report_id, recorded.key, event.course_id, event.message_id, event.reason, event.reported_by,
                 recorded.at)
            )  # fmt: skip
        elif type(event) is ReportResolved:
            self.resolved.append((event.report_id, recorded.at, event.resolved_by, event.outcome))


class Moderation(Projection):
    """Mutes, also those whose time is up, and reports."""

    name = "moderation"
    version = 1
    handles = (MemberMuted, MemberUnmuted, MessageReported, ReportResolved)

    async def apply(self, transaction: Transaction, batch: Sequence[Delivered]) -> None:
        """Replaces the mutes of everybody concerned, copies in new reports, and notes what came of others."""
        fold = _Fold()
        for delivered in batch:
            fold.add(delivered.recorded, delivered.event)
        if fold.mutes:
            await transaction.execute(_FORGET, [course for course, _ in fold.mutes], [user for _, user in fold.mutes])
        if muted := [row for row in fold.mutes.values() if row is not None]:
            await transaction.copy_records_to_table("mute", records=muted, columns=MUTE_COLUMNS)
        if fold.reports:
            await transaction.copy_records_to_table("report", records=fold.reports, columns=REPORT_COLUMNS)
        if fold.resolved:
            await transaction.execute(_RESOLVE, *(list(column) for column in zip(*fold.resolved, strict=True)))
