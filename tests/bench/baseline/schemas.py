"""Requests and answers of the plain design, the same in shape as ours; knows nothing of the database."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field


class SendMessage(BaseModel):
    """Body of POST /v1/channels/{channel_id}/messages."""

    model_config = ConfigDict(extra="forbid")

    text: str = Field(min_length=1, max_length=4000)
    client_message_id: str | None = Field(default=None, min_length=1, max_length=64)


class MessageSent(BaseModel):
    """Answer to SendMessage."""

    message_id: UUID
    seq: int
    position: int


class Message(BaseModel):
    """One message of a list."""

    message_id: UUID
    channel_id: UUID
    seq: int
    number: int
    author_id: UUID
    author_name: str
    text: str
    sent_at: datetime
    edited_at: datetime | None
    deleted: bool
    thread_id: UUID | None
    reply_count: int
    mentions: list[str] = []
    """Always empty: it is let off looking for them."""
    reactions: list[str] = []
    """Likewise."""


class MessageList(BaseModel):
    """Newest messages first."""

    items: list[Message]
    next_cursor: str | None
    last_seq: int


class Course(BaseModel):
    """A course as one caller sees it."""

    course_id: UUID
    title: str
    description: str
    tags: list[str]
    status: str
    owner_id: UUID
    capacity: int | None
    enrolled_count: int
    seats_left: int | None
    can_enroll: bool
    cannot_enroll_reason: str | None
    created_at: datetime
