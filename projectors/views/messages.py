"""Channels and their timelines. It must not know who may read them.

What an erased author said may be too much for one transaction. So erasing only remembers the author: from that commit
on `shown_message` hides the texts, and whoever writes looks afterwards whether an author was erased, for a process may
hold text that it opened before. The texts that are in the table then are wiped later, some rows at a time.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from events.messages import ChannelOpened, MessageDeleted, MessageEdited, MessageSent
from events.recorded import Delivered
from events.users import UserErased
from projectors.projection import Projection, Transaction

CHANNEL_COLUMNS = ("channel_id", "course_id", "owner_id", "name", "opened_at", "last_seq", "message_count")
MESSAGE_COLUMNS = (
    "channel_id", "seq", "number", "message_id", "author_id", "text", "sent_at", "edited_at", "deleted"
)  # fmt: skip
CHANNEL, NUMBER, TEXT, EDITED_AT, DELETED = 0, 2, 5, 7, 8

_ADVANCE = """
    update channel c set last_seq = n.last_seq, message_count = c.message_count + n.sent
    from unnest($1::uuid[], $2::bigint[], $3::bigint[]) n (channel_id, last_seq, sent)
    where c.channel_id = n.channel_id
    returning c.channel_id, c.message_count - n.sent as numbered"""
_EDIT = """
    update message m set text = n.text, edited_at = n.edited_at
    from unnest($1::uuid[], $2::text[], $3::timestamptz[]) n (message_id, text, edited_at)
    where m.message_id = n.message_id and not m.deleted"""
_DELETE = """
    update message m set text = null, deleted = true from unnest($1::uuid[]) n (message_id)
    where m.message_id = n.message_id"""

_ERASED = "select author_id from erased_author where author_id = any ($1::uuid[])"
_ERASE_AGAIN = """
    update message set text = null
    where message_id = any ($1::uuid[]) and author_id = any ($2::uuid[]) and text is not null"""


class _Fold:
    """What a batch comes to: rows to add, and changes of rows that are there.

    Channels go by the event's key, which is their id as text: much quicker to look up than a UUID.
    """

    def __init__(self) -> None:
        self.opened: dict[str, list[object]] = {}
        self.last_seq: dict[str, int] = {}
        self.sent: dict[str, int] = {}
        self.messages: dict[UUID, list[Any]] = {}
        self.edits: dict[UUID, tuple[str | None, datetime]] = {}
        self.deletes: dict[UUID, None] = {}
        self.authors: set[UUID] = set()
        self.erased: list[UUID] = []

    def add(self, delivered: Delivered) -> None:
        """Folds one event in."""
        recorded, event = delivered.recorded, delivered.event
        if type(event) is UserErased:
            self.erased.append(event.user_id)
            return
        channel, seq = recorded.key, recorded.version
        self.last_seq[channel] = seq
        if type(event) is MessageSent:
            self.authors.add(event.author_id)
            self.sent[channel] = number = self.sent.get(channel, 0) + 1
            self.messages[recorded.id] = [
                channel, seq, number, recorded.id, event.author_id, event.text, recorded.at, None, False
            ]  # fmt: skip
        elif type(event) is MessageEdited:
            self.authors.add(event.author_id)
            self._edit(event.message_id, event.text, recorded.at)
        elif type(event) is MessageDeleted:
            self._delete(event.message_id)
        elif type(event) is ChannelOpened:
            self.opened[channel] = [channel, event.course_id, event.owner_id, event.name, recorded.at]

    def _edit(self, message_id: UUID, text: str | None, at: datetime) -> None:
        row = self.messages.get(message_id)
        if row is None:
            if message_id not in self.deletes:
                self.edits[message_id] = (text, at)
        elif not row[DELETED]:
            row[TEXT], row[EDITED_AT] = text, at

    def _delete(self, message_id: UUID) -> None:
        row = self.messages.get(message_id)
        if row is None:
            self.deletes[message_id] = None
        else:
            row[TEXT], row[DELETED] = None, True


class Messages(Projection):
    """Channels with their counters, and one row per message; of erased authors without the text."""

    name = "messages"
    version = 1
    handles = (ChannelOpened, MessageSent, MessageEdited, MessageDeleted, UserErased)

    async def apply(self, transaction: Transaction, batch: Sequence[Delivered]) -> None:
        """Copies in new channels and messages; changes what is there with a statement for each kind of change."""
        fold = _Fold()
        for delivered in batch:
            fold.add(delivered)
        if fold.erased:
            await self.erase(transaction, fold.erased)
        if fold.opened:
            rows = [[*row, fold.last_seq[key], fold.sent.get(key, 0)] for key, row in fold.opened.items()]
            await transaction.copy_records_to_table("channel", records=rows, columns=CHANNEL_COLUMNS)
        await self._advance(transaction, fold)
        if fold.messages:
            await transaction.copy_records_to_table("message", records=fold.messages.values(), columns=MESSAGE_COLUMNS)
        if fold.edits:
            changes = fold.edits.values()
            await transaction.execute(_EDIT, list(fold.edits), [text for text, _ in changes], [at for _, at in changes])
        if fold.deletes:
            await transaction.execute(_DELETE, list(fold.deletes))
        if fold.authors and (erased := await transaction.fetch(_ERASED, list(fold.authors))):
            written = [*fold.messages, *fold.edits]
            await transaction.execute(_ERASE_AGAIN, written, [row["author_id"] for row in erased])

    async def _advance(self, transaction: Transaction, fold: _Fold) -> None:
        """Moves the counters of channels that are there, and numbers their messages on from them."""
        known = [key for key in fold.last_seq if key not in fold.opened]
        if not known:
            return
        rows = await transaction.fetch(
            _ADVANCE, known, [fold.last_seq[key] for key in known], [fold.sent.get(key, 0) for key in known]
        )
        if len(rows) != len(known):
            raise LookupError("an event of a channel that was never opened")
        numbered = {str(row["channel_id"]): row["numbered"] for row in rows}
        for message in fold.messages.values():
            if before := numbered.get(message[CHANNEL]):
                message[NUMBER] += before
