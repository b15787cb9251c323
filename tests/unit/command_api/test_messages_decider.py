"""Given a channel and a message, when someone sends, edits or deletes, then these events and conditions."""

from __future__ import annotations

from uuid import uuid4

import pytest

from command_api.domain import messages
from command_api.domain.channels import Channel
from command_api.domain.messages import Message
from events import claims
from events.errors import Forbidden, InvalidRequest, NotAMember, NotFound, Refused
from events.messages import MessageDeleted, MessageEdited, MessageSent

OWNER, AUTHOR, OTHER = uuid4(), uuid4(), uuid4()
CHANNEL = Channel(uuid4(), uuid4(), OWNER)
MESSAGE = Message(uuid4(), CHANNEL.channel_id, AUTHOR)
VOICE = CHANNEL.voice(AUTHOR)
(MUTED,) = CHANNEL.silence(AUTHOR)
GONE = claims.deleted_message(MESSAGE.message_id)


def test_sending_needs_a_voice_and_no_mute_and_reads_nothing() -> None:
    decision = messages.send(CHANNEL, AUTHOR, "Hello", "c-1")
    sent = MessageSent(channel_id=CHANNEL.channel_id, author_id=AUTHOR, text="Hello", client_message_id="c-1")
    assert (decision.events, decision.need, decision.absent) == ((sent,), (VOICE,), (MUTED,))
    assert decision.expected == {}


def test_an_edit_needs_a_voice_no_mute_and_that_the_message_is_not_deleted() -> None:
    decision = messages.edit(CHANNEL, MESSAGE, AUTHOR, "Hi")
    edited = MessageEdited(channel_id=CHANNEL.channel_id, message_id=MESSAGE.message_id, author_id=AUTHOR, text="Hi")
    assert (decision.events, decision.need, decision.absent) == ((edited,), (VOICE,), (MUTED, GONE))


def test_a_reply_belongs_to_the_thread_and_what_it_replies_to_must_be_there() -> None:
    reply = Message(uuid4(), CHANNEL.channel_id, OTHER, thread_id=MESSAGE.message_id)
    for replied_to in (MESSAGE, reply):
        decision = messages.send(CHANNEL, AUTHOR, "Yes", None, replied_to)
        [sent] = decision.events
        assert isinstance(sent, MessageSent)
        assert sent.thread_id == MESSAGE.message_id
        assert decision.absent == (MUTED, claims.deleted_message(replied_to.message_id))


def test_whom_a_text_mentions() -> None:
    one, two = uuid4(), uuid4()
    text = f"<@{two}>, <@{str(one).upper()}> and <@{two}>; no <@nobody>, no <@ {one}>, no @{one}, no <@{one}0>"
    assert messages.mentioned(text) == (two, one)
    assert messages.mentioned("a < b, a@b") == ()
    [edited] = messages.edit(CHANNEL, MESSAGE, AUTHOR, f"<@{one}>").events
    assert isinstance(edited, MessageEdited)
    assert edited.mentions == (one,)
    many = [f"<@{uuid4()}>" for _ in range(51)]
    assert len(messages.mentioned(" ".join(many[:50] * 2))) == 50
    with pytest.raises(InvalidRequest, match="at most 50 different people"):
        messages.send(CHANNEL, AUTHOR, " ".join(many), None)


def test_only_the_author_edits() -> None:
    for other in (OTHER, OWNER):
        with pytest.raises(Forbidden):
            messages.edit(CHANNEL, MESSAGE, other, "mine")


def test_authors_owners_and_admins_delete() -> None:
    for who, rules_all in ((AUTHOR, False), (OWNER, False), (OTHER, True)):
        decision = messages.delete(CHANNEL, MESSAGE, who, rules_all=rules_all)
        deleted = MessageDeleted(channel_id=CHANNEL.channel_id, message_id=MESSAGE.message_id, deleted_by=who)
        assert decision.events == (deleted,)
        assert decision.need == ()
    with pytest.raises(Forbidden):
        messages.delete(CHANNEL, MESSAGE, OTHER, rules_all=False)


@pytest.mark.parametrize("message", [None, Message(MESSAGE.message_id, uuid4(), AUTHOR)])
def test_messages_of_nowhere_and_of_other_channels_are_not_found(message: Message | None) -> None:
    with pytest.raises(NotFound):
        messages.edit(CHANNEL, message, AUTHOR, "?")
    with pytest.raises(NotFound):
        messages.delete(CHANNEL, message, AUTHOR, rules_all=True)


def test_refusals_in_the_domains_words() -> None:
    missing, taken = Refused("missing", *VOICE), Refused("taken", *GONE)
    assert isinstance(messages.refused(missing), NotAMember)
    assert isinstance(messages.send_refused(missing), NotAMember)
    assert isinstance(messages.refused(taken), NotFound)
    assert isinstance(messages.send_refused(taken), NotFound)
    sent_before = Refused("taken", *claims.client_message(AUTHOR, "c-1"))
    assert messages.send_refused(sent_before) is sent_before
