"""Given a channel and a message, when someone reacts or takes that back, then these events and conditions."""

from __future__ import annotations

from uuid import uuid4

import pytest

from command_api.domain import reactions
from command_api.domain.channels import Channel
from command_api.domain.messages import Message
from events import claims
from events.errors import NotAMember, NotFound, Refused
from events.messages import ReactionAdded, ReactionRemoved

OWNER, AUTHOR, OTHER = uuid4(), uuid4(), uuid4()
CHANNEL = Channel(uuid4(), uuid4(), OWNER)
MESSAGE = Message(uuid4(), CHANNEL.channel_id, AUTHOR)
HERE = {"channel_id": CHANNEL.channel_id, "message_id": MESSAGE.message_id, "user_id": OTHER}
GONE = claims.deleted_message(MESSAGE.message_id)
FELT = claims.reaction(MESSAGE.message_id, OTHER, "👍")


def test_reacting_needs_a_voice_no_mute_and_a_message_that_is_there() -> None:
    decision = reactions.react(CHANNEL, MESSAGE, OTHER, "👍")
    assert decision.events == (ReactionAdded(**HERE, emoji="👍"),)
    assert decision.need == (CHANNEL.voice(OTHER),)
    assert decision.absent == (*CHANNEL.silence(OTHER), GONE)


def test_between_two_people_nobody_is_muted() -> None:
    direct = Channel(uuid4(), None, None, (AUTHOR, OTHER))
    message = Message(uuid4(), direct.channel_id, AUTHOR)
    decision = reactions.react(direct, message, OTHER, "👍")
    assert decision.need == (claims.direct_voice(direct.channel_id, OTHER),)
    assert decision.absent == (claims.deleted_message(message.message_id),)


def test_whoever_left_or_is_muted_still_takes_a_reaction_back() -> None:
    decision = reactions.take_back(CHANNEL, MESSAGE, OTHER, "👍")
    assert decision.events == (ReactionRemoved(**HERE, emoji="👍"),)
    assert (decision.need, decision.absent) == ((FELT,), ())


@pytest.mark.parametrize("message", [None, Message(MESSAGE.message_id, uuid4(), AUTHOR)])
def test_messages_of_nowhere_and_of_other_channels_are_not_found(message: Message | None) -> None:
    for decide in (reactions.react, reactions.take_back):
        with pytest.raises(NotFound):
            decide(CHANNEL, message, OTHER, "👍")


def test_refusals_in_the_domains_words() -> None:
    there = Refused("taken", *FELT)
    assert reactions.react_refused(there) is there
    assert isinstance(reactions.react_refused(Refused("taken", *GONE)), NotFound)
    assert isinstance(reactions.react_refused(Refused("missing", *CHANNEL.voice(OTHER))), NotAMember)
    assert isinstance(reactions.take_back_refused(Refused("missing", *FELT)), NotFound)
