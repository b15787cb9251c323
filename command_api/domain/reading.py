"""How far somebody has read. It must not know how many messages there are, nor what they say."""

from __future__ import annotations

from uuid import UUID

from command_api.domain.channels import Channel
from command_api.domain.decision import Decision
from events.errors import Conflict, MimoError, NotAMember, Refused
from events.reading import ChannelRead


def mark_read(channel: Channel, user_id: UUID, number: int, last_seq: int) -> Decision:
    """Someone has seen a channel's messages up to a number; only who may speak there can have.

    Args:
        channel: where.
        user_id: who.
        number: the last message seen, which holds for ever: nobody may read ahead.
        last_seq: the seq of the channel's last event; the first one is no message, so there are fewer messages.

    Raises:
        Conflict: there never were so many messages.
    """
    if number >= last_seq:
        raise Conflict("There are not so many messages in this channel.")
    event = ChannelRead(user_id=user_id, channel_id=channel.channel_id, number=number)
    return Decision((event,), need=(channel.voice(user_id),))


def refused(refusal: Refused) -> MimoError:
    """Why it could not be marked."""
    return NotAMember() if refusal.reason == "missing" else refusal
