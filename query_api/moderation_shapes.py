"""The shapes of what moderators are shown, as the OpenAPI document tells them; a test compares them with the answers.

It must not know how rows are found.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, Field

from events.moderation import Outcome, Reason
from query_api.shapes import NEXT


class Mute(BaseModel):
    """Someone who may only read now."""

    user_id: UUID
    display_name: str | None
    muted_by: UUID
    muted_at: datetime
    until: datetime = Field(description="When it ends by itself.")


class MuteList(BaseModel):
    """A page of who is muted in a course, the latest first."""

    items: list[Mute]
    next_cursor: str | None = NEXT


class Report(BaseModel):
    """A message that somebody reported."""

    report_id: UUID
    channel_id: UUID
    course_id: UUID | None = Field(description="Null: a direct channel, which admins look after.")
    message_id: UUID
    reason: Reason
    reported_by: UUID
    reported_at: datetime
    resolved_at: datetime | None
    resolved_by: UUID | None
    outcome: Outcome | None


class ReportList(BaseModel):
    """A page of reports, the latest first."""

    items: list[Report]
    next_cursor: str | None = NEXT


class Reported(Report):
    """A report, with what was reported."""

    author_id: UUID
    text: str | None = Field(description="As it was when it was reported; null once the author was erased.")
