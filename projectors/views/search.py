"""What messages are found by: their words. It must not know who may read them, nor what a word is (schema `search`).

What an erased author said may be too much for one transaction. So erasing only remembers the author: from that commit
on `shown_entry` hides what they said, and whoever writes looks afterwards whether an author was erased, for a process
may hold text that it opened before. The rows that are in the table then are wiped later, some at a time.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from events.messages import MessageDeleted, MessageEdited, MessageSent
from events.recorded import Delivered
from events.users import UserErased
from projectors.projection import Projection, Transaction

_ADD = """
    insert into entry (message_id, channel_id, author_id, sent_at, words)
    select n.message_id, n.channel_id, n.author_id, n.sent_at, search.words(n.text, n.channel_id)
    from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::timestamptz[], $5::text[])
      n (message_id, channel_id, author_id, sent_at, text)"""
_EDIT = """
    update entry e set words = search.words(n.text, e.channel_id)
    from unnest($1::uuid[], $2::text[]) n (message_id, text)
    where e.message_id = n.message_id"""
_REMOVE = "delete from entry where message_id = any ($1::uuid[])"

_ERASED = "select author_id from erased_writer where author_id = any ($1::uuid[])"
_ERASE_AGAIN = "delete from entry where message_id = any ($1::uuid[]) and author_id = any ($2::uuid[])"

Entry = tuple[UUID, UUID, UUID, datetime, str]
"""A message, its channel, its author, when it was sent, and its text."""


class _Fold:
    """What a batch comes to: rows to add, and what becomes of rows that are there. No text: no row."""

    def __init__(self) -> None:
        self.added: dict[UUID, Entry] = {}
        self.edits: dict[UUID, str] = {}
        self.removed: dict[UUID, None] = {}
        self.authors: set[UUID] = set()
        self.erased: list[UUID] = []

    def add(self, delivered: Delivered) -> None:
        """Folds one event in."""
        recorded, event = delivered.recorded, delivered.event
        if type(event) is MessageSent:
            if event.text is not None:
                self.authors.add(event.author_id)
                self.added[recorded.id] = (recorded.id, event.channel_id, event.author_id, recorded.at, event.text)
        elif type(event) is MessageEdited:
            self._edit(event.message_id, event.author_id, event.text)
        elif type(event) is MessageDeleted:
            self._remove(event.message_id)
        elif type(event) is UserErased:
            self.erased.append(event.user_id)

    def _edit(self, message_id: UUID, author_id: UUID, text: str | None) -> None:
        if text is None:
            self._remove(message_id)
        elif (row := self.added.get(message_id)) is not None:
            self.added[message_id] = (*row[:4], text)
        elif message_id not in self.removed:
            self.authors.add(author_id)
            self.edits[message_id] = text

    def _remove(self, message_id: UUID) -> None:
        if self.added.pop(message_id, None) is None:
            self.edits.pop(message_id, None)
            self.removed[message_id] = None


class Search(Projection):
    """One row per message that can be found."""

    name = "search"
    version = 1
    rest = 3.0  # finding words and stems costs several times what showing a message does
    handles = (MessageSent, MessageEdited, MessageDeleted, UserErased)

    async def apply(self, transaction: Transaction, batch: Sequence[Delivered]) -> None:
        """Adds, changes and removes rows with a statement each."""
        fold = _Fold()
        for delivered in batch:
            fold.add(delivered)
        if fold.erased:
            await self.erase(transaction, fold.erased)
        if fold.added:
            await transaction.execute(_ADD, *map(list, zip(*fold.added.values(), strict=True)))
        if fold.edits:
            await transaction.execute(_EDIT, list(fold.edits), list(fold.edits.values()))
        if fold.removed:
            await transaction.execute(_REMOVE, list(fold.removed))
        if fold.authors and (erased := await transaction.fetch(_ERASED, list(fold.authors))):
            written = [*fold.added, *fold.edits]
            await transaction.execute(_ERASE_AGAIN, written, [row["author_id"] for row in erased])
