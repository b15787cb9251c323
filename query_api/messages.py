"""Messages as they stand in answers: ready bytes, into which names and what is the caller's own are put.

It must not know how messages are found, nor who may read them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID

from infra.web.auth import Caller
from query_api.reading import Reading
from query_api.views.messages import FELT_BY, Felt, Message, Reaction
from query_api.views.users import PERSON

NO_NAME = b"null"


async def items(reading: Reading, caller: Caller, messages: Sequence[Message]) -> bytes:
    """The inside of a JSON array of messages, in the order given.

    The answer depends on who asks: what `request` names it by must tell (`Answers.answer`).

    Args:
        reading: where names are read.
        caller: who asks; their own reactions are told apart.
        messages: which; of any channels that the caller may read.
    """
    people = {message.author_id: None for message in messages}
    more = [message for message in messages if not message.is_whole]
    for message in more:
        people.update(dict.fromkeys(message.mentions))
    known = list(people)
    names = {
        user_id: person.name_json if person else NO_NAME
        for user_id, person in zip(known, await reading.many(PERSON, known), strict=True)
    }
    if not more:
        return b",".join([message.head + names[message.author_id] + message.tail for message in messages])
    mine = await _mine(reading, caller, more)
    return b",".join([_item(message, names, mine) for message in messages])


async def _mine(reading: Reading, caller: Caller, messages: Sequence[Message]) -> set[tuple[UUID, str]]:
    """By message and emoji, how the caller reacted. The view is asked only where more did than it names."""
    mine: set[tuple[UUID, str]] = set()
    unsure: list[Felt] = []
    for message in messages:
        for reaction in message.reactions:
            if caller.user_id in reaction.people:
                mine.add((message.place.message_id, reaction.emoji))
            elif reaction.total > len(reaction.people):
                unsure.append(Felt(*message.place, reaction.emoji, caller.user_id))
    if unsure:
        felt = await reading.many(FELT_BY, unsure)
        mine.update((one.message_id, one.emoji) for one, is_so in zip(unsure, felt, strict=True) if is_so)
    return mine


def _item(message: Message, names: Mapping[UUID, bytes], mine: set[tuple[UUID, str]]) -> bytes:
    said = message.head + names[message.author_id] + message.tail
    if message.is_whole:
        return said
    mentions = [b'{"user_id":"%b","display_name":%b}' % (str(one).encode(), names[one]) for one in message.mentions]
    reactions = [_reaction(one, (message.place.message_id, one.emoji) in mine) for one in message.reactions]
    return b'%b,"mentions":[%b],"reactions":[%b]}' % (said, b",".join(mentions), b",".join(reactions))


def _reaction(reaction: Reaction, mine: bool) -> bytes:
    told = (reaction.emoji_json, reaction.total, b"true" if mine else b"false", reaction.people_json)
    return b'{"emoji":%b,"count":%d,"mine":%b,"user_ids":%b}' % told
