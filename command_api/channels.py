"""What never changes of channels, messages and courses, remembered: whose a channel is, who wrote a message.

It must not know who may do what with them.
"""

from __future__ import annotations

from typing import Any, Protocol
from uuid import UUID

import orjson

from command_api.domain.channels import Channel
from command_api.domain.messages import Message
from events.catalog import upcast
from events.errors import NotFound
from events.recorded import Recorded

CHANNELS_REMEMBERED = 50_000
COURSES_REMEMBERED = 20_000


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
        self._owners: dict[UUID, UUID] = {}

    async def channel(self, channel_id: UUID, caller: UUID | None) -> Channel:
        """A channel.

        Args:
            channel_id: which.
            caller: who asks. Of a direct channel only the two are told that it is there, for its id follows from who
                they are; None: whoever may know everything.

        Raises:
            NotFound: there is no such channel.
        """
        channel = self._known.get(channel_id)
        if channel is None:
            opened = await self._events.first(f"channel-{channel_id}")
            if opened is None:
                raise NotFound("There is no such channel.")
            channel = _channel(channel_id, opened)
            if len(self._known) >= CHANNELS_REMEMBERED:
                self._known.clear()
            self._known[channel_id] = channel
        if caller is not None and channel.people and caller not in channel.people:
            raise NotFound("There is no such channel.")
        return channel

    async def owner_of(self, course_id: UUID) -> UUID:
        """Who owns a course.

        Raises:
            NotFound: there is no such course.
        """
        owner_id = self._owners.get(course_id)
        if owner_id is None:
            created = await self._events.first(f"course-{course_id}")
            if created is None:
                raise NotFound("There is no such course.")
            owner_id = UUID(_data(created)["owner_id"])
            if len(self._owners) >= COURSES_REMEMBERED:
                self._owners.clear()
            self._owners[course_id] = owner_id
        return owner_id

    async def message(self, message_id: UUID) -> Message | None:
        """A message by its id, deleted or not; None when there is none."""
        sent = await self._events.find(message_id)
        if sent is None or sent.type != "MessageSent":
            return None
        data = _data(sent)
        thread_id = data.get("thread_id")
        return Message(
            message_id, UUID(data["channel_id"]), UUID(data["author_id"]), UUID(thread_id) if thread_id else None
        )


def _channel(channel_id: UUID, opened: Recorded) -> Channel:
    data = _data(opened)
    if opened.type == "DirectChannelOpened":
        return Channel(channel_id, None, None, tuple(UUID(person) for person in data["people"]))
    return Channel(channel_id, UUID(data["course_id"]), UUID(data["owner_id"]))


def _data(recorded: Recorded) -> dict[str, Any]:
    """The facts of an event that are not personal, at its current schema: no key is needed for them."""
    return upcast(recorded.type, recorded.schema, orjson.loads(recorded.data))
