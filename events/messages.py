"""What is said in channels. A message's id is the id of its MessageSent event.

Must not know who may speak: that is a claim, checked when the event is appended.
"""

from __future__ import annotations

from typing import ClassVar
from uuid import UUID, uuid5

from events.event import Contract, Event, Personal

TOPIC = "mimo.messages"
_DIRECT = UUID("5b0c7f3e-8d43-4a6a-9a55-2f6c1d3e9b70")
"""The namespace of direct channels' ids. It must never change."""


def direct_pair(one: UUID, other: UUID) -> tuple[UUID, UUID]:
    """Two people, in the order in which a direct channel names them."""
    return (one, other) if one.int < other.int else (other, one)


def direct_channel_id(one: UUID, other: UUID) -> UUID:
    """The id of the conversation of two people: they have one, whoever begins it (RFC 9562, version 5)."""
    first, second = direct_pair(one, other)
    return uuid5(_DIRECT, f"{first} {second}")


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


class ChannelRenamed(Event, frozen=True, kw_only=True):
    """A channel is called something else."""

    contract: ClassVar = Contract("ChannelRenamed", "channel", TOPIC, key="channel_id")

    channel_id: UUID
    """The channel."""
    name: str
    """What it is called from now on."""
    renamed_by: UUID
    """The course's owner or an admin."""


class DirectChannelOpened(Event, frozen=True, kw_only=True):
    """Two people began to talk to each other. Always the first event of the channel's stream."""

    contract: ClassVar = Contract("DirectChannelOpened", "channel", TOPIC, key="channel_id")

    channel_id: UUID
    """The channel; its id follows from the two people, so they have one conversation for ever."""
    people: tuple[UUID, ...]
    """The two, the smaller id first."""


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
    thread_id: UUID | None = None
    """The message that it replies to, which began the thread and is no reply itself; None: it is no reply."""
    mentions: tuple[UUID, ...] = ()
    """Who is mentioned in the text, where they stand as `<@id>`."""


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
    mentions: tuple[UUID, ...] = ()
    """Who is mentioned in the new text."""


class MessageDeleted(Event, frozen=True, kw_only=True):
    """A message was taken back by its author, or removed by the course's owner or an admin."""

    contract: ClassVar = Contract("MessageDeleted", "channel", TOPIC, key="channel_id")

    channel_id: UUID
    """The channel."""
    message_id: UUID
    """The message: the id of its MessageSent."""
    deleted_by: UUID
    """Its author, the course's owner, or an admin."""


class ReactionAdded(Event, frozen=True, kw_only=True):
    """Someone reacted to a message."""

    contract: ClassVar = Contract("ReactionAdded", "channel", TOPIC, key="channel_id")

    channel_id: UUID
    """The channel."""
    message_id: UUID
    """The message: the id of its MessageSent."""
    user_id: UUID
    """Who reacted."""
    emoji: str
    """One emoji; the same of the same person is never there twice."""


class ReactionRemoved(Event, frozen=True, kw_only=True):
    """Someone took a reaction back."""

    contract: ClassVar = Contract("ReactionRemoved", "channel", TOPIC, key="channel_id")

    channel_id: UUID
    """The channel."""
    message_id: UUID
    """The message: the id of its MessageSent."""
    user_id: UUID
    """Who had reacted."""
    emoji: str
    """The emoji that is gone."""
