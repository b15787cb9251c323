"""The shapes of answers as the OpenAPI document tells them. The bytes are made in the routes; a test compares the two.

It must not know how rows are found.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, Field

from infra.web.application import problems
from infra.web.documented import described_headers

NEXT = Field(description="Send it as `cursor` for the next page; null on the last one.")


READ_HEADERS = described_headers(
    {
        "ETag": "This version of the answer; send it as `If-None-Match`.",
        "Mimo-Bookmark": "What the answer reflects; send it with the next read, to be shown nothing older.",
    }
)


def reads(*codes: str) -> dict[int | str, dict[str, Any]]:
    """What to hand to a read's route as `responses`.

    Args:
        codes: the problems that it can answer beside those that all reads can.
    """
    return {
        200: {"headers": READ_HEADERS},
        304: {"description": "The client has this version already", "headers": READ_HEADERS},
        **problems(*codes, "history_changed", "not_caught_up", "parked"),
    }


class User(BaseModel):
    """Someone, as everybody sees them."""

    user_id: UUID
    display_name: str | None = Field(description="Null when the person was erased.")
    joined_at: datetime


class UserList(BaseModel):
    """Some people, in the order asked for; all that there are."""

    items: list[User]
    next_cursor: str | None = NEXT


class Me(User):
    """Someone, as they see themselves."""

    email: str | None
    roles: list[str]


class Session(BaseModel):
    """One of the caller's sessions that go on."""

    session_id: UUID
    started_at: datetime
    refreshed_at: datetime = Field(description="When its refresh token was renewed last: about when it was used last.")
    current: bool = Field(description="Whether it is the one that asks.")


class SessionList(BaseModel):
    """The caller's sessions, newest first; all of them."""

    items: list[Session]
    next_cursor: str | None = NEXT


class CourseStatus(StrEnum):
    """Draft → published → archived."""

    DRAFT = "draft"
    PUBLISHED = "published"
    ARCHIVED = "archived"


class CannotEnroll(StrEnum):
    """Why the caller cannot enrol."""

    COURSE_NOT_OPEN = "course_not_open"
    ALREADY_ENROLLED = "already_enrolled"
    COURSE_FULL = "course_full"
    UNAUTHENTICATED = "unauthenticated"


class Course(BaseModel):
    """A course, as the caller sees it."""

    course_id: UUID
    title: str
    description: str
    tags: list[str]
    status: CourseStatus
    owner_id: UUID
    capacity: int | None = Field(description="Seats; null: as many as come.")
    enrolled_count: int
    seats_left: int | None = Field(description="Null when seats are not limited.")
    can_enroll: bool
    cannot_enroll_reason: CannotEnroll | None
    created_at: datetime


class CourseList(BaseModel):
    """A page of courses, newest first."""

    items: list[Course]
    next_cursor: str | None = NEXT


class MyCourse(Course):
    """A course that the caller is enrolled in."""

    enrolled_at: datetime


class MyCourseList(BaseModel):
    """A page of the caller's courses, the latest enrolment first."""

    items: list[MyCourse]
    next_cursor: str | None = NEXT


class Enrollment(BaseModel):
    """Someone enrolled in a course."""

    user_id: UUID
    display_name: str | None
    enrolled_at: datetime


class Roster(BaseModel):
    """A page of who is enrolled, the latest first."""

    items: list[Enrollment]
    next_cursor: str | None = NEXT


class Channel(BaseModel):
    """A channel of a course."""

    channel_id: UUID
    course_id: UUID
    name: str
    opened_at: datetime
    last_seq: int = Field(description="The seq of the channel's last event of any kind.")
    message_count: int = Field(description="The number of the last message; a difference of numbers is what is unread.")


class ChannelList(BaseModel):
    """The channels of a course, oldest first; all of them."""

    items: list[Channel]
    next_cursor: str | None = NEXT


class Mention(BaseModel):
    """Someone who is mentioned in a text, where they stand as `<@user_id>`."""

    user_id: UUID
    display_name: str | None = Field(description="Null when the person was erased, or is not known.")


class Reaction(BaseModel):
    """How people reacted to a message in one way."""

    emoji: str
    count: int
    mine: bool = Field(description="Whether the caller is among them.")
    user_ids: list[UUID] = Field(description="The first 20 of them.")


class Message(BaseModel):
    """A message, its text null once it is deleted."""

    message_id: UUID
    channel_id: UUID
    seq: int
    number: int
    author_id: UUID
    author_name: str | None
    text: str | None
    sent_at: datetime
    edited_at: datetime | None
    deleted: bool
    thread_id: UUID | None = Field(description="The message that it replies to, which began the thread.")
    reply_count: int = Field(description="Of the message that began a thread: replies that are not deleted.")
    mentions: list[Mention]
    reactions: list[Reaction] = Field(description="The one that came first first, at most 50.")


class MessageEvent(BaseModel):
    """Something that happened to a message."""

    seq: int
    at: datetime
    event: Literal["MessageSent", "MessageEdited", "MessageDeleted"]
    user_id: UUID = Field(description="Who did it.")
    text: str | None = Field(description="What it said from then on; null when it was deleted, or its author erased.")


class MessageHistory(BaseModel):
    """Everything that happened to a message, the oldest first; all of it."""

    items: list[MessageEvent]
    next_cursor: str | None = NEXT


class MessageList(BaseModel):
    """A part of a timeline, newest first."""

    items: list[Message]
    next_cursor: str | None = NEXT
    last_seq: int = Field(description="Where a live subscription goes on.")


class FoundList(BaseModel):
    """A page of what was found, newest first."""

    items: list[Message]
    next_cursor: str | None = NEXT


class Stopped(BaseModel):
    """A partition where a projection stands still."""

    topic: str
    partition: int
    reason: str


class Projection(BaseModel):
    """How far one projection has come."""

    name: str
    version: int | None
    generation: int | None
    applied: int | None = Field(description="Events that it has applied, over all partitions; grows with its work.")
    lag_events: int | None = Field(description="Events of its topics that it has not applied yet.")
    lag_seconds: float | None = Field(description="How long the oldest of them has waited.")
    parked: int = Field(description="Events set aside because they could not be applied.")
    stopped: list[Stopped]


class Relay(BaseModel):
    """The copying of the log to Kafka; numbers are null where no relay ever ran."""

    running: bool
    reason: str | None = Field(description="Why nothing is being copied.")
    position: int | None = Field(description="Everything up to this position is in Kafka.")
    lag_events: int | None = Field(description="Events that are not in Kafka yet.")
    lag_seconds: float | None = Field(description="How long the oldest of them has waited.")
    noted_at: datetime | None = Field(description="When the relay last said where it is.")
    dead_letters: int = Field(description="Records of the topics that could not be read as events.")


class Pipeline(BaseModel):
    """How everything is flowing."""

    log_id: UUID
    at: datetime = Field(description="When it was so; two answers make a rate.")
    position: int = Field(description="The position of the last event.")
    projections: list[Projection]
    relay: Relay
