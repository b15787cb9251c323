"""What is said in channels. A message's id is the id of its MessageSent event.

Must not know who may speak: that is a claim, checked when the event is appended.
"""

from __future__ import annotations

from typing import ClassVar
from uuid import UUID

from events.event import Contract, Event, Personal

TOPIC = "mimo.messages"


class ChannelOpened(Event, frozen=True, kw_only=True):
    """A course got a channel. Always the first event of the channel's stream."""

    contract: ClassVar = Contract("ChannelOpened", "channel", TOPIC, key="channel_id")

    channel_id: UUID
    course_id: UUID
    owner_id: UUID
    """Who owns the course."""
    name: str


class MessageSent(Event, frozen=True, kw_only=True):
    """Someone said something."""

    contract: ClassVar = Contract("MessageSent", "channel", TOPIC, key="channel_id", subject="author_id")

    channel_id: UUID
    author_id: UUID
    text: Personal
    client_message_id: str | None = None
    """What the client calls it; the same id of the same author is never stored twice."""


class MessageEdited(Event, frozen=True, kw_only=True):
    """The author changed what was said."""

    contract: ClassVar = Contract("MessageEdited", "channel", TOPIC, key="channel_id", subject="author_id")

    channel_id: UUID
    message_id: UUID
    author_id: UUID
    text: Personal


class MessageDeleted(Event, frozen=True, kw_only=True):
    """A message was taken back by its author, or removed by the course's owner or an admin."""

    contract: ClassVar = Contract("MessageDeleted", "channel", TOPIC, key="channel_id")

    channel_id: UUID
    message_id: UUID
    deleted_by: UUID
