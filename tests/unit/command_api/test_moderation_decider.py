"""Given a course, a channel and a message, when somebody moderates, then these events and conditions."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest

from command_api.domain import moderation
from command_api.domain.channels import Channel
from command_api.domain.courses import Someone
from command_api.domain.messages import Message
from events import claims
from events.errors import Forbidden, NotAMember, NotFound, Refused
from events.moderation import MemberMuted, MemberUnmuted, MessageReported

COURSE, OWNER, MEMBER, OTHER = uuid4(), uuid4(), uuid4(), uuid4()
UNTIL = datetime(2026, 12, 1, tzinfo=UTC)
CHANNEL = Channel(uuid4(), COURSE, OWNER)
DIRECT = Channel(uuid4(), None, None, (MEMBER, OTHER))
MUTE = MemberMuted(course_id=COURSE, user_id=MEMBER, muted_by=OWNER, until=UNTIL)
UNMUTE = MemberUnmuted(course_id=COURSE, user_id=MEMBER, unmuted_by=OWNER)
MUTED = claims.muted(COURSE, MEMBER)


@pytest.mark.parametrize("who", [Someone(MEMBER), Someone(OTHER)])
def test_only_the_owner_and_admins_moderate(who: Someone) -> None:
    with pytest.raises(Forbidden):
        moderation.mute(COURSE, OWNER, who, MEMBER, UNTIL, anew=False)
    with pytest.raises(Forbidden):
        moderation.unmute(COURSE, OWNER, who, MEMBER)
    with pytest.raises(Forbidden):
        moderation.resolve(CHANNEL, reported(CHANNEL), who, "dismissed")


def test_a_mute_is_for_members_and_a_new_end_replaces_the_old_one_at_once() -> None:
    first = moderation.mute(COURSE, OWNER, Someone(OWNER), MEMBER, UNTIL, anew=False)
    assert (first.events, first.need) == ((MUTE,), (claims.voice(COURSE, MEMBER),))
    again = moderation.mute(COURSE, OWNER, Someone(OWNER), MEMBER, UNTIL, anew=True)
    assert (again.events, again.need) == ((UNMUTE, MUTE), (claims.voice(COURSE, MEMBER), MUTED))


@pytest.mark.parametrize("user_id", [OWNER, OTHER])
def test_nobody_mutes_the_owner_nor_themselves(user_id: UUID) -> None:
    with pytest.raises(Forbidden):
        moderation.mute(COURSE, OWNER, Someone(OTHER, rules_all=True), user_id, UNTIL, anew=False)


def test_only_the_mute_that_a_command_must_not_find_is_a_silence() -> None:
    refused = Refused("taken", *MUTED)
    assert moderation.silenced(refused, CHANNEL.silence(MEMBER))
    assert not moderation.silenced(refused, ())
    assert not moderation.silenced(refused, CHANNEL.silence(OTHER))
    deleted = claims.deleted_message(uuid4())
    assert not moderation.silenced(Refused("taken", *deleted), (deleted,))


def test_a_mute_ends_at_the_version_that_was_read_unless_something_newer_is_known_of_the_person() -> None:
    other = MemberMuted(course_id=COURSE, user_id=OTHER, muted_by=OWNER, until=UNTIL)
    ended = moderation.end(MUTE, [other], 8)
    assert ended is not None
    assert ended.events == (MemberUnmuted(course_id=COURSE, user_id=MEMBER, unmuted_by=None),)
    assert ended.expected == {f"mutes-{COURSE}": 8}
    assert moderation.end(MUTE, [other, UNMUTE], 9) is None
    assert moderation.end(MUTE, [UNMUTE, MUTE], 9) is None


@pytest.mark.parametrize("channel", [CHANNEL, DIRECT])
def test_reporting_needs_a_voice_and_somebody_elses_message(channel: Channel) -> None:
    message, report_id = Message(uuid4(), channel.channel_id, OTHER), uuid4()
    decision = moderation.report(report_id, channel, message, MEMBER, "abuse")
    (event,) = decision.events
    assert isinstance(event, MessageReported)
    assert (event.course_id, event.reported_by, event.report_id) == (channel.course_id, MEMBER, report_id)
    assert (decision.need, decision.absent) == ((channel.voice(MEMBER),), ())
    with pytest.raises(Forbidden):
        moderation.report(report_id, channel, message, OTHER, "abuse")
    for nowhere in (None, Message(uuid4(), uuid4(), OTHER)):
        with pytest.raises(NotFound):
            moderation.report(report_id, channel, nowhere, MEMBER, "abuse")


def test_reports_of_direct_channels_are_for_admins() -> None:
    with pytest.raises(Forbidden):
        moderation.resolve(DIRECT, reported(DIRECT), Someone(OTHER), "dismissed")
    open_report = reported(DIRECT)
    resolved = moderation.resolve(DIRECT, open_report, Someone(OWNER, rules_all=True), "dismissed")
    assert resolved.need == (claims.open_report(open_report.report_id),)


@pytest.mark.parametrize("wrong", [None, DIRECT])
def test_what_is_resolved_already_or_elsewhere_is_not_found(wrong: Channel | None) -> None:
    with pytest.raises(NotFound):
        moderation.resolve(CHANNEL, reported(wrong) if wrong else None, Someone(OWNER), "removed")


def test_refusals_in_the_domains_words() -> None:
    stranger = Refused("missing", *claims.voice(COURSE, MEMBER))
    assert isinstance(moderation.mute_refused(stranger, COURSE, MEMBER), NotAMember)
    for anew in (Refused("missing", *MUTED), Refused("taken", *MUTED)):
        assert moderation.mute_refused(anew, COURSE, MEMBER) is anew
    assert isinstance(moderation.unmute_refused(Refused("missing", *MUTED)), NotFound)
    taken = Refused("taken", *claims.report(uuid4(), MEMBER))
    assert moderation.report_refused(taken) is taken


def reported(channel: Channel) -> MessageReported:
    return MessageReported(
        report_id=uuid4(), channel_id=channel.channel_id, course_id=channel.course_id, message_id=uuid4(),
        reported_by=MEMBER, reason="spam",
    )  # fmt: skip
