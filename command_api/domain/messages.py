"""Saying something in a channel, changing it, taking it back. It must not know how messages are shown.

Who may speak is a claim (the voice), checked when the event is appended: sending reads nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from uuid import UUID

from command_api.domain.channels import Channel
from command_api.domain.decision import Decision
from events import claims
from events.errors import Forbidden, InvalidRequest, MimoError, NotAMember, NotFound, Refused
from events.messages import MessageDeleted, MessageEdited, MessageSent

MOST_MENTIONS = 50
"""Different people whom one message may mention."""
_MENTION = re.compile("<@([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})>", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Message:
    """Which message, where, and by whom.

    Args:
        message_id: the message.
        channel_id: where it was said.
        author_id: who said it.
        thread_id: the message that began the thread, of a reply.
    """

    message_id: UUID
    channel_id: UUID
    author_id: UUID
    thread_id: UUID | None = None


def send(
    channel: Channel, author_id: UUID, text: str, client_message_id: str | None, reply_to: Message | None = None
) -> Decision:
    """Someone says something; only members can.

    Args:
        channel: where.
        author_id: who.
        text: what.
        client_message_id: what the author's client calls it; the same one is never stored twice.
        reply_to: the message of this channel that it replies to; a reply to a reply belongs to the same thread.

    Raises:
        InvalidRequest: it mentions too many people.
    """
    event = MessageSent(
        channel_id=channel.channel_id,
        author_id=author_id,
        text=text,
        client_message_id=client_message_id,
        thread_id=None if reply_to is None else reply_to.thread_id or reply_to.message_id,
        mentions=mentioned(text),
    )
    absent = channel.silence(author_id)
    if reply_to is not None:
        absent = (*absent, claims.deleted_message(reply_to.message_id))
    return Decision((event,), need=(channel.voice(author_id),), absent=absent)


def mentioned(text: str) -> tuple[UUID, ...]:
    """Whom a text mentions, each once, in the order of the text.

    Raises:
        InvalidRequest: these are too many.
    """
    if "<@" not in text:
        return ()
    people = tuple(dict.fromkeys(map(UUID, _MENTION.findall(text))))
    if len(people) > MOST_MENTIONS:
        raise InvalidRequest(f"A message mentions at most {MOST_MENTIONS} different people.", "/text")
    return people


def edit(channel: Channel, message: Message | None, user_id: UUID, text: str) -> Decision:
    """The author says it differently; only members can.

    Raises:
        NotFound: there is no such message here.
        Forbidden: it is someone else's.
        InvalidRequest: it mentions too many people.
    """
    message = here(channel, message)
    if message.author_id != user_id:
        raise Forbidden("Only the author may edit a message.")
    event = MessageEdited(
        channel_id=channel.channel_id,
        message_id=message.message_id,
        author_id=message.author_id,
        text=text,
        mentions=mentioned(text),
    )
    return Decision(
        (event,),
        need=(channel.voice(user_id),),
        absent=(*channel.silence(user_id), claims.deleted_message(message.message_id)),
    )


def delete(channel: Channel, message: Message | None, user_id: UUID, *, rules_all: bool) -> Decision:
    """The author takes a message back (also after leaving the course), or the course's owner or an admin removes it.

    Raises:
        NotFound: there is no such message here.
        Forbidden: it is someone else's.
    """
    message = here(channel, message)
    if not rules_all and user_id not in (message.author_id, channel.owner_id):
        raise Forbidden("Only the author or the course's owner may delete a message.")
    event = MessageDeleted(channel_id=channel.channel_id, message_id=message.message_id, deleted_by=user_id)
    return Decision((event,))


def send_refused(refusal: Refused) -> MimoError:
    """Why a message could not be sent. A `client_message_id` that was sent before stays a refusal: it has an answer."""
    return refusal if refusal.scope.startswith(claims.CLIENT_MESSAGE_SCOPE) else refused(refusal)


def refused(refusal: Refused) -> MimoError:
    """Why a message could not be edited or deleted, or replied to."""
    if refusal.reason == "missing":
        return NotAMember()
    if refusal.reason == "taken":
        return NotFound("This message was deleted.")
    return refusal


def here(channel: Channel, message: Message | None) -> Message:
    """The message, which must be of this channel.

    Raises:
        NotFound: it is not.
    """
    if message is None or message.channel_id != channel.channel_id:
        raise NotFound("There is no such message in this channel.")
    return message
