"""One example of every event, with fixed ids: for the documents of the contract, and for the tests.

It must not know real people or keys: the sealed token of an example record was sealed by nobody.
"""

from __future__ import annotations

from base64 import b64encode
from datetime import UTC, datetime
from uuid import UUID

import msgspec

from events.catalog import encode
from events.courses import CourseArchived, CourseChanged, CourseCreated, CoursePublished
from events.enrollments import Enrolled, Unenrolled
from events.event import Event
from events.messages import (
    ChannelOpened,
    ChannelRenamed,
    DirectChannelOpened,
    MessageDeleted,
    MessageEdited,
    MessageSent,
    ReactionAdded,
    ReactionRemoved,
    direct_channel_id,
    direct_pair,
)
from events.moderation import MemberMuted, MemberUnmuted, MessageReported, ReportResolved
from events.operations import OperationEnded, OperationRequested
from events.partition import DEFAULT_PARTITIONS, partition_of
from events.reading import ChannelRead
from events.recorded import Meta, Recorded
from events.users import (
    PasswordChanged,
    RoleGranted,
    SessionEnded,
    SessionStarted,
    UserErased,
    UserProfileChanged,
    UserRegistered,
)

USER = UUID("01938000-0000-7000-8000-000000000001")
SESSION = UUID("01938000-0000-7000-8000-000000000002")
COURSE = UUID("01938000-0000-7000-8000-000000000003")
CHANNEL = UUID("01938000-0000-7000-8000-000000000004")
MESSAGE = UUID("01938000-0000-7000-8000-000000000005")
EVENT = UUID("01938000-0000-7000-8000-000000000006")
OTHER = UUID("01938000-0000-7000-8000-000000000007")
REQUEST = UUID("01938000-0000-7000-8000-000000000008")
OPERATION = UUID("01938000-0000-7000-8000-000000000009")
REPORT = UUID("01938000-0000-7000-8000-00000000000a")
HISTORY = UUID("7f3a9c21-5b1e-4c0e-9d52-3c8f0e6a1b47")

EMAIL_HMAC = "ab" * 32

EXAMPLES: tuple[Event, ...] = (
    UserRegistered(user_id=USER, email_hmac=EMAIL_HMAC, email="ada@example.org", display_name="Ada Lovelace"),
    UserProfileChanged(user_id=USER, display_name="Countess Lovelace"),
    PasswordChanged(user_id=USER, session_id=SESSION),
    RoleGranted(user_id=USER, role="instructor"),
    SessionStarted(user_id=USER, session_id=SESSION),
    SessionEnded(user_id=USER, session_id=SESSION, reason="logout"),
    UserErased(user_id=USER, email_hmac=EMAIL_HMAC, destroyed=("data_key", "password")),
    CourseCreated(
        course_id=COURSE, owner_id=USER, title="Engines", description="How they think.", tags=("maths",), capacity=30
    ),
    CourseChanged(course_id=COURSE, title="Engines", description="Why they think.", tags=("maths", "logic")),
    CoursePublished(course_id=COURSE),
    CourseArchived(course_id=COURSE),
    Enrolled(course_id=COURSE, user_id=USER),
    Unenrolled(course_id=COURSE, user_id=USER),
    ChannelOpened(channel_id=CHANNEL, course_id=COURSE, owner_id=USER, name="general"),
    ChannelRenamed(channel_id=CHANNEL, name="questions", renamed_by=USER),
    DirectChannelOpened(channel_id=direct_channel_id(USER, OTHER), people=direct_pair(USER, OTHER)),
    MessageSent(
        channel_id=CHANNEL,
        author_id=USER,
        text=f"Hello, wörld 👋 and <@{OTHER}>",
        client_message_id="c-1",
        thread_id=MESSAGE,
        mentions=(OTHER,),
    ),
    MessageEdited(channel_id=CHANNEL, message_id=MESSAGE, author_id=USER, text=f"Hello, <@{OTHER}>", mentions=(OTHER,)),
    MessageDeleted(channel_id=CHANNEL, message_id=MESSAGE, deleted_by=USER),
    ReactionAdded(channel_id=CHANNEL, message_id=MESSAGE, user_id=USER, emoji="👍"),
    ReactionRemoved(channel_id=CHANNEL, message_id=MESSAGE, user_id=USER, emoji="👍"),
    ChannelRead(user_id=USER, channel_id=CHANNEL, number=42),
    MemberMuted(course_id=COURSE, user_id=OTHER, muted_by=USER, until=datetime(2026, 9, 1, 10, 30, tzinfo=UTC)),
    MemberUnmuted(course_id=COURSE, user_id=OTHER, unmuted_by=USER),
    MessageReported(
        report_id=REPORT, channel_id=CHANNEL, course_id=COURSE, message_id=MESSAGE, reported_by=USER, reason="spam"
    ),
    ReportResolved(report_id=REPORT, channel_id=CHANNEL, resolved_by=USER, outcome="removed"),
    OperationRequested(
        operation_id=OPERATION, action="replay", target="messages", options={"jobs": "2"}, via="command_line"
    ),
    OperationEnded(
        operation_id=OPERATION,
        action="replay",
        target="messages",
        via="command_line",
        outcome="done",
        said="Readers see messages_v1_g2 now.",
    ),
)
"""In the order of the catalogue."""

_TOKEN = b64encode(b"Sealed with a key that only mimo holds, until the person is erased.").decode()
_BEGINNING = datetime(2026, 9, 1, 9, 30, tzinfo=UTC)


class _NobodysSealer:
    """Seals by writing a fixed token; opens nothing."""

    def seal(self, subject: UUID, plain: bytes, context: bytes) -> str:  # noqa: ARG002 - it is the same for everybody
        return _TOKEN

    def open(self, subject: UUID, sealed: str, context: bytes) -> bytes | None:  # noqa: ARG002
        return None


def example_record(event: Event) -> Recorded:
    """An example as the log would hold it."""
    contract = event.contract
    meta = Meta(actor=f"user:{USER}", correlation_id=str(REQUEST))
    return Recorded(
        position=4711,
        id=EVENT,
        stream=event.stream,
        version=1,
        topic=contract.topic,
        partition=partition_of(event.key, DEFAULT_PARTITIONS),
        offset=385,
        key=event.key,
        type=contract.name,
        schema=contract.schema,
        data=encode(event, EVENT, _NobodysSealer()),
        meta=msgspec.json.encode(meta).decode(),
        at=_BEGINNING,
    )
