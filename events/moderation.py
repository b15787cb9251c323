"""What keeps conversations decent: who may not speak for a while, and what was reported. Only moderators may know.

Must not know what was said. A reason is one of a few words and never a text, so reports hold nothing personal.
"""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar, Literal
from uuid import UUID

from events.event import Contract, Event

TOPIC = "mimo.moderation"
Reason = Literal["spam", "abuse", "off_topic", "other"]
Outcome = Literal["removed", "muted", "dismissed"]


class MemberMuted(Event, frozen=True, kw_only=True):
    """A member of a course may only read for a while."""

    contract: ClassVar = Contract("MemberMuted", "mutes", TOPIC, key="course_id")

    course_id: UUID
    """In all channels of this course."""
    user_id: UUID
    """Who is muted."""
    muted_by: UUID
    """The course's owner or an admin."""
    until: datetime
    """When it ends by itself."""


class MemberUnmuted(Event, frozen=True, kw_only=True):
    """A member may speak again: somebody said so, or the time was up when they spoke next."""

    contract: ClassVar = Contract("MemberUnmuted", "mutes", TOPIC, key="course_id")

    course_id: UUID
    """The course."""
    user_id: UUID
    """Who may speak again."""
    unmuted_by: UUID | None = None
    """The course's owner or an admin; None: the time was up."""


class MessageReported(Event, frozen=True, kw_only=True):
    """Someone asks moderators to look at a message."""

    contract: ClassVar = Contract("MessageReported", "reports", TOPIC, key="channel_id")

    report_id: UUID
    """The report."""
    channel_id: UUID
    """Where the message is."""
    course_id: UUID | None
    """The course whose moderators look at it; None: a direct channel, admins do."""
    message_id: UUID
    """The message: the id of its MessageSent."""
    reported_by: UUID
    """Who reported it; everybody can report a message once."""
    reason: Reason
    """What is wrong with it."""


class ReportResolved(Event, frozen=True, kw_only=True):
    """A moderator looked at a reported message."""

    contract: ClassVar = Contract("ReportResolved", "reports", TOPIC, key="channel_id")

    report_id: UUID
    """The report."""
    channel_id: UUID
    """Where the message is."""
    resolved_by: UUID
    """The course's owner or an admin."""
    outcome: Outcome
    """What came of it; what was removed or muted has events of its own."""
