"""How far people have read. Only they may know, so it is not in the channel's stream.

Must not know what was said, nor how many messages there are.
"""

from __future__ import annotations

from typing import ClassVar
from uuid import UUID

from events.event import Contract, Event

TOPIC = "mimo.reading"


class ChannelRead(Event, frozen=True, kw_only=True):
    """Someone has seen a channel's messages up to a number. Marks may come out of order: the highest one holds."""

    contract: ClassVar = Contract("ChannelRead", "reading", TOPIC, key="user_id")

    user_id: UUID
    """Who has read."""
    channel_id: UUID
    """Where."""
    number: int
    """The number of the last message seen; numbers count the channel's messages from 1."""
