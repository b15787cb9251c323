"""What never changes of channels and messages, remembered: which course a channel belongs to, who wrote a message.

It must not know who may do what with them.
"""

from __future__ import annotations

from typing import Protocol
from uuid import UUID

import orjson

from command_api.domain.messages import Channel, Message
from events.catalog import upcast
from events.errors import NotFound
from events.recorded import Recorded

CHANNELS_REMEMBERED = 50_000


class Events(Protocol):
    """What is asked of the log."""

    async def first(self, stream: str) -> Recorded | None:
        """A stream's first event."""

    async def find(self, event_id: UUID) -> Recorded | None:
        """One event by its id."""


class Channels:
    """Looks channels and messages up."""

    def __init__(self, events: Events) -> None:
        self._events = events
        self._known: dict[UUID, Channel] = {}

    async def channel(self, channel_id: UUID) -> Channel:
        """A channel.

        Raises:
            NotFound: there is no such channel.
        """
        channel = self._known.get(channel_id)
        if channel is None:
            opened = await self._events.first(f"channel-{channel_id}")
            if opened is None:
                raise NotFound("There is no such channel.")
            data = _data(opened)
            home = (UUID(data["course_id"]), UUID(data["owner_id"])) if opened.type == "ChannelOpened" else (None, None)
            channel = Channel(channel_id, *home)
            if len(self._known) >= CHANNELS_REMEMBERED:
                self._known.clear()
            self._known[channel_id] = channel
        return channel

    async def message(self, message_id: UUID) -> Message | None:
        """A message by its id, deleted or not; None when there is none."""
        sent = await self._events.find(message_id)
        if sent is None or sent.type != "MessageSent":
            return None
        data = _data(sent)
        return Message(message_id, UUID(data["channel_id"]), UUID(data["author_id"]))


def _data(recorded: Recorded) -> dict[str, str]:
    """The facts of an event that are not personal, at its current schema: no key is needed for them."""
    return upcast(recorded.type, recorded.schema, orjson.loads(recorded.data))
