"""What a batch of channels' events comes to: rows to add, and changes of rows that are there.

It must not know the statements that write them. Messages go first, for nearly all events are those.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from events.messages import (
    ChannelOpened,
    ChannelRenamed,
    DirectChannelOpened,
    MessageDeleted,
    MessageEdited,
    MessageSent,
    ReactionAdded,
    ReactionRemoved,
)
from events.recorded import Delivered, Recorded
from events.users import UserErased

CHANNEL_COLUMNS = (
    "channel_id", "course_id", "owner_id", "name", "people", "opened_at", "last_seq", "message_count"
)  # fmt: skip
NAME = 3
MESSAGE_COLUMNS = (
    "channel_id", "seq", "number", "message_id", "author_id", "text", "sent_at", "edited_at", "deleted", "thread_id",
    "reply_count", "mentions",
)  # fmt: skip
CHANNEL, NUMBER, TEXT, EDITED_AT, DELETED, THREAD, REPLIES, MENTIONS = 0, 2, 5, 7, 8, 9, 10, 11

Edit = tuple[str | None, datetime, tuple[UUID, ...] | None]
"""What a message says from now on, since when, and whom it mentions; None: nobody."""
Reaction = tuple[UUID, str, UUID]
"""A message, an emoji, and whose."""


class Fold:
    """Folds events one by one.

    Channels go by the event's key, which is their id as text: much quicker to look up than a UUID.

    Attributes:
        opened: new channels, without the last two columns.
        people: of new direct channels.
        renamed: what channels are called that were there before.
        last_seq, sent: of each channel, how far its stream has come, and how many messages it got.
        messages: new ones; `number` counts those of the batch.
        edits, deletes: of messages that were there before.
        replies: by how many the replies of such a message became more or fewer.
        reactions: those that changed, and since when they are there; None: they are gone.
        changes: message and seq of each edit and deletion.
        authors: of what is written.
        erased: who was erased.
    """

    def __init__(self) -> None:
        self.opened: dict[str, list[Any]] = {}
        self.people: list[tuple[str, UUID]] = []
        self.renamed: dict[str, str] = {}
        self.last_seq: dict[str, int] = {}
        self.sent: dict[str, int] = {}
        self.messages: dict[UUID, list[Any]] = {}
        self.edits: dict[UUID, Edit] = {}
        self.deletes: dict[UUID, None] = {}
        self.replies: dict[UUID, int] = {}
        self.reactions: dict[Reaction, tuple[str, datetime] | None] = {}
        self.changes: list[tuple[UUID, int]] = []
        self.authors: set[UUID] = set()
        self.erased: list[UUID] = []

    def add(self, delivered: Delivered) -> None:
        """Folds one event in."""
        recorded, event = delivered.recorded, delivered.event
        if type(event) is not MessageSent:
            self._others[type(event)](self, recorded, event)
            return
        channel = recorded.key
        self.last_seq[channel] = recorded.version
        self.authors.add(event.author_id)
        self.sent[channel] = number = self.sent.get(channel, 0) + 1
        self.messages[recorded.id] = [
            channel, recorded.version, number, recorded.id, event.author_id, event.text, recorded.at, None, False,
            event.thread_id, 0, event.mentions or None,
        ]  # fmt: skip
        if event.thread_id is not None:
            self.replied(event.thread_id, 1)

    def replied(self, message_id: UUID, change: int) -> None:
        """The replies of a message became more or fewer."""
        row = self.messages.get(message_id)
        if row is None:
            self.replies[message_id] = self.replies.get(message_id, 0) + change
        else:
            row[REPLIES] += change

    def gone(self, message_id: UUID) -> bool:
        """Whether a message was deleted in this batch; nobody reacts to it afterwards."""
        row = self.messages.get(message_id)
        return bool(row[DELETED]) if row else message_id in self.deletes

    def _opened(self, recorded: Recorded, event: ChannelOpened) -> None:
        self.last_seq[recorded.key] = recorded.version
        self.opened[recorded.key] = [recorded.key, event.course_id, event.owner_id, event.name, None, recorded.at]

    def _direct(self, recorded: Recorded, event: DirectChannelOpened) -> None:
        self.last_seq[recorded.key] = recorded.version
        self.opened[recorded.key] = [recorded.key, None, None, None, event.people, recorded.at]
        self.people.extend((recorded.key, user_id) for user_id in event.people)

    def _renamed(self, recorded: Recorded, event: ChannelRenamed) -> None:
        self.last_seq[recorded.key] = recorded.version
        if row := self.opened.get(recorded.key):
            row[NAME] = event.name
        else:
            self.renamed[recorded.key] = event.name

    def _edited(self, recorded: Recorded, event: MessageEdited) -> None:
        self.last_seq[recorded.key] = recorded.version
        self.authors.add(event.author_id)
        self.changes.append((event.message_id, recorded.version))
        row, mentions = self.messages.get(event.message_id), event.mentions or None
        if row is None:
            if event.message_id not in self.deletes:
                self.edits[event.message_id] = (event.text, recorded.at, mentions)
        elif not row[DELETED]:
            row[TEXT], row[EDITED_AT], row[MENTIONS] = event.text, recorded.at, mentions

    def _deleted(self, recorded: Recorded, event: MessageDeleted) -> None:
        self.last_seq[recorded.key] = recorded.version
        self.changes.append((event.message_id, recorded.version))
        row = self.messages.get(event.message_id)
        if row is None:
            self.deletes[event.message_id] = None
        elif not row[DELETED]:
            row[TEXT], row[DELETED], row[MENTIONS] = None, True, None
            if row[THREAD] is not None:
                self.replied(row[THREAD], -1)

    def _reacted(self, recorded: Recorded, event: ReactionAdded) -> None:
        self.last_seq[recorded.key] = recorded.version
        self.reactions[event.message_id, event.emoji, event.user_id] = (recorded.key, recorded.at)

    def _took_back(self, recorded: Recorded, event: ReactionRemoved) -> None:
        self.last_seq[recorded.key] = recorded.version
        self.reactions[event.message_id, event.emoji, event.user_id] = None

    def _erased(self, _: Recorded, event: UserErased) -> None:
        self.erased.append(event.user_id)

    _others: ClassVar[dict[type, Callable[[Fold, Recorded, Any], None]]] = {
        ChannelOpened: _opened,
        DirectChannelOpened: _direct,
        ChannelRenamed: _renamed,
        MessageEdited: _edited,
        MessageDeleted: _deleted,
        ReactionAdded: _reacted,
        ReactionRemoved: _took_back,
        UserErased: _erased,
    }
