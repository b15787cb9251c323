"""Channels and their timelines. It must not know who may read them.

What an erased author said may be too much for one transaction. So erasing only remembers the author: from that commit
on `shown_message` hides the texts, and whoever writes looks afterwards whether an author was erased, for a process may
hold text that it opened before. The texts that are in the table then are wiped later, some rows at a time.
"""

from __future__ import annotations

from collections.abc import Sequence
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
from events.recorded import Delivered
from events.users import UserErased
from projectors.projection import Projection, Transaction
from projectors.views.messages_fold import CHANNEL, CHANNEL_COLUMNS, MENTIONS, MESSAGE_COLUMNS, NUMBER, Fold

_ADVANCE = """
    update channel c set last_seq = n.last_seq, message_count = c.message_count + n.sent
    from unnest($1::uuid[], $2::bigint[], $3::bigint[]) n (channel_id, last_seq, sent)
    where c.channel_id = n.channel_id
    returning c.channel_id, c.message_count - n.sent as numbered"""
_RENAME = """
    update channel c set name = n.name from unnest($1::uuid[], $2::text[]) n (channel_id, name)
    where c.channel_id = n.channel_id"""
_EDIT = """
    update message m set text = n.text, edited_at = n.edited_at, mentions = n.mentions::uuid[]
    from unnest($1::uuid[], $2::text[], $3::timestamptz[], $4::text[]) n (message_id, text, edited_at, mentions)
    where m.message_id = n.message_id and not m.deleted"""
_DELETE = """
    update message m set text = null, deleted = true, mentions = null from unnest($1::uuid[]) n (message_id)
    where m.message_id = n.message_id and not m.deleted
    returning m.thread_id"""
_REPLIED = """
    update message m set reply_count = m.reply_count + n.change
    from unnest($1::uuid[], $2::integer[]) n (message_id, change)
    where m.message_id = n.message_id"""

_MENTION_NOBODY = "delete from mention where message_id = any ($1::uuid[])"
_COUNT_MENTIONS = """
    insert into mention (channel_id, user_id, number, message_id)
    select m.channel_id, a.user_id, m.number, m.message_id
    from message m cross join unnest(m.mentions) a (user_id) where m.message_id = any ($1::uuid[])
    on conflict do nothing"""

_UNREACT = """
    delete from reaction r using unnest($1::uuid[], $2::text[], $3::uuid[]) n (message_id, emoji, user_id)
    where r.message_id = n.message_id and r.emoji = n.emoji and r.user_id = n.user_id"""
_UNREACT_ALL = "delete from reaction where message_id = any ($1::uuid[])"
_REACTION_COLUMNS = ("message_id", "emoji", "user_id", "channel_id", "reacted_at")

_ERASED = "select author_id from erased_author where author_id = any ($1::uuid[])"
_ERASE_AGAIN = """
    update message set text = null
    where message_id = any ($1::uuid[]) and author_id = any ($2::uuid[]) and text is not null"""


class Messages(Projection):
    """Channels with their counters and people, one row per message (of erased authors without the text), reactions."""

    name = "messages"
    version = 1
    handles = (
        ChannelOpened, ChannelRenamed, DirectChannelOpened, MessageSent, MessageEdited, MessageDeleted, ReactionAdded,
        ReactionRemoved, UserErased,
    )  # fmt: skip

    async def apply(self, transaction: Transaction, batch: Sequence[Delivered]) -> None:
        """Copies in new channels and messages; changes what is there with a statement for each kind of change."""
        fold = Fold()
        for delivered in batch:
            fold.add(delivered)
        if fold.erased:
            await self.erase(transaction, fold.erased)
        if fold.opened or fold.renamed:
            await _channels(transaction, fold)
        await _advance(transaction, fold)
        if fold.messages:
            await transaction.copy_records_to_table("message", records=fold.messages.values(), columns=MESSAGE_COLUMNS)
        if fold.changes:
            await _change(transaction, fold)
        if fold.replies:
            await transaction.execute(_REPLIED, list(fold.replies), list(fold.replies.values()))
        await _mention(transaction, fold)
        if fold.reactions:
            await _react(transaction, fold)
        if fold.authors and (erased := await transaction.fetch(_ERASED, list(fold.authors))):
            written = [*fold.messages, *fold.edits]
            await transaction.execute(_ERASE_AGAIN, written, [row["author_id"] for row in erased])


async def _channels(transaction: Transaction, fold: Fold) -> None:
    if fold.opened:
        rows = [[*row, fold.last_seq[key], fold.sent.get(key, 0)] for key, row in fold.opened.items()]
        await transaction.copy_records_to_table("channel", records=rows, columns=CHANNEL_COLUMNS)
    if fold.people:
        columns = ("channel_id", "user_id")
        await transaction.copy_records_to_table("channel_person", records=fold.people, columns=columns)
    if fold.renamed:
        await transaction.execute(_RENAME, list(fold.renamed), list(fold.renamed.values()))


async def _advance(transaction: Transaction, fold: Fold) -> None:
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


async def _change(transaction: Transaction, fold: Fold) -> None:
    """Messages that were there say something else, or nothing; replies that are gone count no more."""
    columns = ("message_id", "seq")
    await transaction.copy_records_to_table("message_change", records=fold.changes, columns=columns)
    if fold.edits:
        edits = [(message_id, text, at, _array(people)) for message_id, (text, at, people) in fold.edits.items()]
        await transaction.execute(_EDIT, *(list(column) for column in zip(*edits, strict=True)))
    if fold.deletes:
        for row in await transaction.fetch(_DELETE, list(fold.deletes)):
            if row["thread_id"] is not None:
                fold.replied(row["thread_id"], -1)
        await transaction.execute(_UNREACT_ALL, list(fold.deletes))
    if changed := [*fold.edits, *fold.deletes]:
        await transaction.execute(_MENTION_NOBODY, changed)


async def _mention(transaction: Transaction, fold: Fold) -> None:
    """Whoever a new text mentions; what an old one did is gone already."""
    mentioning = [message_id for message_id, row in fold.messages.items() if row[MENTIONS]]
    mentioning.extend(message_id for message_id, (_, _, people) in fold.edits.items() if people)
    if mentioning:
        await transaction.execute(_COUNT_MENTIONS, mentioning)


async def _react(transaction: Transaction, fold: Fold) -> None:
    """What changed is taken out, as it may be there since another moment, and what is there in the end put in."""
    await transaction.execute(_UNREACT, *(list(column) for column in zip(*fold.reactions, strict=True)))
    rows = [(*reaction, *there) for reaction, there in fold.reactions.items() if there and not fold.gone(reaction[0])]
    await transaction.copy_records_to_table("reaction", records=rows, columns=_REACTION_COLUMNS)


def _array(people: Sequence[UUID] | None) -> str | None:
    """As PostgreSQL reads it: arrays within an array would have to be of one length."""
    return None if people is None else "{" + ",".join(map(str, people)) + "}"
