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
    """The channel."""
    course_id: UUID
    """The course that it belongs to; it never changes."""
    owner_id: UUID
    """Who owns the course."""
    name: str
    """What it is called."""


class MessageSent(Event, frozen=True, kw_only=True):
    """Someone said something."""

    contract: ClassVar = Contract("MessageSent", "channel", TOPIC, key="channel_id", subject="author_id")

    channel_id: UUID
    """The channel that it was said in. The id of this event is the message's id."""
    author_id: UUID
    """Who said it."""
    text: Personal
    """What was said."""
    client_message_id: str | None = None
    """What the client calls it; the same id of the same author is never stored twice."""


class MessageEdited(Event, frozen=True, kw_only=True):
    """The author changed what was said."""

    contract: ClassVar = Contract("MessageEdited", "channel", TOPIC, key="channel_id", subject="author_id")

    channel_id: UUID
    """The channel."""
    message_id: UUID
    """The message: the id of its MessageSent."""
    author_id: UUID
    """Who said it, and changed it."""
    text: Personal
    """The whole new text."""


class MessageDeleted(Event, frozen=True, kw_only=True):
    """A message was taken back by its author, or removed by the course's owner or an admin."""

    contract: ClassVar = Contract("MessageDeleted", "channel", TOPIC, key="channel_id")

    channel_id: UUID
    """The channel."""
    message_id: UUID
    """The message: the id of its MessageSent."""
    deleted_by: UUID
    """Its author, the course's owner, or an admin."""
