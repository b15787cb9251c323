"""Reacting to messages, and taking that back. It must not know what was said, nor what an emoji is (texts.py)."""

from __future__ import annotations

from uuid import UUID

from command_api.domain.channels import Channel
from command_api.domain.decision import Decision
from command_api.domain.messages import Message, here
from events import claims
from events.errors import MimoError, NotAMember, NotFound, Refused
from events.messages import ReactionAdded, ReactionRemoved


def react(channel: Channel, message: Message | None, user_id: UUID, emoji: str) -> Decision:
    """Someone reacts to a message; only members can.

    Raises:
        NotFound: there is no such message here.
    """
    message = here(channel, message)
    event = ReactionAdded(channel_id=channel.channel_id, message_id=message.message_id, user_id=user_id, emoji=emoji)
    return Decision(
        (event,),
        need=(channel.voice(user_id),),
        absent=(*channel.silence(user_id), claims.deleted_message(message.message_id)),
    )


def react_refused(refusal: Refused) -> MimoError:
    """Why nobody could react. A reaction that is there already stays a refusal: it has an answer."""
    if refusal.reason == "missing":
        return NotAMember()
    if refusal.reason == "taken" and not refusal.scope.startswith(claims.REACTION_SCOPE):
        return NotFound("This message was deleted.")
    return refusal


def take_back(channel: Channel, message: Message | None, user_id: UUID, emoji: str) -> Decision:
    """Someone takes a reaction back, also after leaving the course or while they are muted.

    Raises:
        NotFound: there is no such message here.
    """
    message = here(channel, message)
    event = ReactionRemoved(channel_id=channel.channel_id, message_id=message.message_id, user_id=user_id, emoji=emoji)
    return Decision((event,), need=(claims.reaction(message.message_id, user_id, emoji),))


def take_back_refused(refusal: Refused) -> MimoError:
    """Why there was nothing to take back."""
    return NotFound("You have not reacted so to this message.") if refusal.reason == "missing" else refusal
