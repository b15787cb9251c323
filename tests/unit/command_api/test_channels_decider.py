"""Given a course or a pair, when someone opens or renames a channel or marks what they read, then these events."""

from __future__ import annotations

from uuid import uuid4

import pytest

from command_api.domain import channels, reading
from command_api.domain.channels import Channel
from command_api.domain.courses import Someone
from events import claims
from events.errors import Conflict, Forbidden, InvalidRequest, MimoError, NotAMember, NotFound, Refused
from events.messages import ChannelOpened, ChannelRenamed, DirectChannelOpened, direct_channel_id
from events.reading import ChannelRead

COURSE, OWNER, MEMBER, OTHER = uuid4(), uuid4(), uuid4(), uuid4()
CHANNEL = Channel(uuid4(), COURSE, OWNER)
PAIR = direct_channel_id(MEMBER, OTHER)
DIRECT = Channel(PAIR, None, None, (MEMBER, OTHER))
VOICE = claims.voice(COURSE, MEMBER)


@pytest.mark.parametrize("who", [Someone(OWNER), Someone(MEMBER, rules_all=True)])
def test_the_owner_and_admins_open_and_rename_channels(who: Someone) -> None:
    decision = channels.open_channel(CHANNEL.channel_id, COURSE, OWNER, who, "homework")
    opened = ChannelOpened(channel_id=CHANNEL.channel_id, course_id=COURSE, owner_id=OWNER, name="homework")
    assert (decision.events, decision.expected) == ((opened,), {f"channel-{CHANNEL.channel_id}": 0})
    renamed = ChannelRenamed(channel_id=CHANNEL.channel_id, name="exams", renamed_by=who.user_id)
    assert channels.rename(CHANNEL, who, "exams").events == (renamed,)


def test_nobody_else_does() -> None:
    with pytest.raises(Forbidden):
        channels.open_channel(CHANNEL.channel_id, COURSE, OWNER, Someone(MEMBER), "homework")
    with pytest.raises(Forbidden):
        channels.rename(CHANNEL, Someone(MEMBER), "exams")
    with pytest.raises(NotFound):
        channels.rename(DIRECT, Someone(MEMBER, rules_all=True), "the two of us")


def test_a_conversation_is_the_same_whoever_begins_it_and_needs_two_voices_and_a_new_stream() -> None:
    one, other = (channels.open_direct(COURSE, *pair) for pair in ((MEMBER, OTHER), (OTHER, MEMBER)))
    assert one.events == other.events
    (opened,) = one.events
    assert isinstance(opened, DirectChannelOpened)
    assert (opened.channel_id, set(opened.people)) == (PAIR, {MEMBER, OTHER})
    assert set(one.need) == {VOICE, claims.voice(COURSE, OTHER)}
    assert (one.expected, one.absent) == ({f"channel-{PAIR}": 0}, (claims.erased(OTHER),))
    with pytest.raises(InvalidRequest):
        channels.open_direct(COURSE, MEMBER, MEMBER)


@pytest.mark.parametrize(
    ("refused", "error", "says"),
    [
        (Refused("missing", *VOICE), NotAMember, "enrol"),
        (Refused("missing", *claims.voice(COURSE, OTHER)), NotAMember, "two of you"),
        (Refused("taken", *claims.erased(OTHER)), NotFound, "erased"),
        (Refused("version", f"channel-{PAIR}"), Refused, "version"),
    ],
)
def test_refusals_in_the_domains_words(refused: Refused, error: type[MimoError], says: str) -> None:
    told = channels.direct_refused(refused, MEMBER)
    assert type(told) is error
    assert says in told.detail


def test_reading_needs_the_voice_of_where_one_reads_and_never_goes_ahead() -> None:
    for channel, voice in ((CHANNEL, VOICE), (DIRECT, claims.direct_voice(PAIR, MEMBER))):
        decision = reading.mark_read(channel, MEMBER, 6, last_seq=7)
        read = ChannelRead(user_id=MEMBER, channel_id=channel.channel_id, number=6)
        assert (decision.events, decision.need) == ((read,), (voice,))
    with pytest.raises(Conflict):
        reading.mark_read(CHANNEL, MEMBER, 7, last_seq=7)
    assert isinstance(reading.refused(Refused("missing", *VOICE)), NotAMember)
    assert isinstance(reading.refused(Refused("taken")), Refused)
