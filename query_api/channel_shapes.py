"""The shapes of answers about channels and who is in them, as the OpenAPI document tells them (see shapes.py).

It must not know how rows are found.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, Field

from query_api.shapes import NEXT


class With(BaseModel):
    """The other one of a direct channel."""

    user_id: UUID
    display_name: str | None = Field(description="Null when the person was erased.")


class Room(BaseModel):
    """A channel, as somebody who may read it stands to it."""

    channel_id: UUID
    course_id: UUID | None = Field(description="Null: a direct channel, of two people.")
    course_title: str | None
    name: str | None = Field(description="Null: a direct channel.")
    with_: With | None = Field(alias="with", description="Whom one talks to; null: a channel of a course.")
    opened_at: datetime
    last_seq: int = Field(description="The seq of the channel's last event of any kind.")
    message_count: int = Field(description="The number of the last message.")
    read_number: int = Field(description="The number of the last message that one has marked as read; 0: never.")
    unread: int = Field(description="Messages after the last that one has read or said.")
    unread_mentions: int = Field(description="In how many of these one is mentioned.")
    moderator: bool = Field(description="Whether one may rename it and remove what others said.")


class RoomList(BaseModel):
    """Everywhere that one may talk: courses in the order of enrolment, then direct channels, the latest first; all."""

    items: list[Room]
    next_cursor: str | None = NEXT


class ChannelMember(BaseModel):
    """Someone who may speak in a channel."""

    user_id: UUID
    display_name: str | None
    owner: bool = Field(description="Whether the course is theirs.")


class ChannelMemberList(BaseModel):
    """A page of a channel's members: the owner, then the latest enrolment first."""

    items: list[ChannelMember]
    next_cursor: str | None = Field(
        description="Send it as `cursor` for the next page, which may hold fewer than `limit`; null on the last one."
    )
