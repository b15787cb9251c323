"""Muting members of a course for a while, and reporting messages. It must not know what was said, nor ask the clock.

A mute is a claim that whatever one says must not find (`Channel.silence`). It is held until somebody unmutes the
person, mutes them anew, or notices that its time is up (decision 35).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from command_api.domain.channels import Channel
from command_api.domain.courses import Someone
from command_api.domain.decision import Decision
from command_api.domain.messages import Message, here
from events import claims
from events.claims import Claim
from events.errors import Forbidden, MimoError, NotAMember, NotFound, Refused
from events.event import Event
from events.moderation import MemberMuted, MemberUnmuted, MessageReported, Outcome, Reason, ReportResolved


def mute(course_id: UUID, owner_id: UUID, who: Someone, user_id: UUID, until: datetime, *, anew: bool) -> Decision:
    """A moderator lets a member only read for a while.

    Args:
        course_id: in this course.
        owner_id: who owns it.
        who: who wants it.
        user_id: who is to be silent.
        until: how long.
        anew: they are muted already, and get a new end.

    Raises:
        Forbidden: it is someone else's course, the course's owner, or oneself.
    """
    _moderates(who, owner_id)
    if user_id in (owner_id, who.user_id):
        raise Forbidden("The course's owner cannot be muted, and nobody mutes themselves.")
    muted = MemberMuted(course_id=course_id, user_id=user_id, muted_by=who.user_id, until=until)
    needed = claims.voice(course_id, user_id)
    if not anew:
        return Decision((muted,), need=(needed,))
    unmuted = MemberUnmuted(course_id=course_id, user_id=user_id, unmuted_by=who.user_id)
    return Decision((unmuted, muted), need=(needed, claims.muted(course_id, user_id)))


def mute_refused(refused: Refused, course_id: UUID, user_id: UUID) -> MimoError:
    """Why nobody was muted. That they are muted already, or not any more, stays a refusal: it is decided anew."""
    lacking = refused.reason == "missing" and (refused.scope, refused.key) == claims.voice(course_id, user_id)
    return NotAMember("This person is no member of the course.") if lacking else refused


def unmute(course_id: UUID, owner_id: UUID, who: Someone, user_id: UUID) -> Decision:
    """A moderator lets a member speak again.

    Raises:
        Forbidden: it is someone else's course.
    """
    _moderates(who, owner_id)
    unmuted = MemberUnmuted(course_id=course_id, user_id=user_id, unmuted_by=who.user_id)
    return Decision((unmuted,), need=(claims.muted(course_id, user_id),))


def unmute_refused(refused: Refused) -> MimoError:
    """Why nobody was unmuted."""
    return NotFound("This person is not muted.") if refused.reason == "missing" else refused


def silenced(refused: Refused, absent: Sequence[Claim]) -> bool:
    """Whether somebody could not speak because they were muted.

    Args:
        refused: what the log said.
        absent: what the command must not find.
    """
    claim = Claim(refused.scope, refused.key)
    return refused.reason == "taken" and claim.scope.endswith(claims.MUTED_SCOPE_END) and claim in absent


def end(mute: MemberMuted, later: Sequence[Event], version: int) -> Decision | None:
    """The time of a mute is up.

    Args:
        mute: the mute.
        later: what came after it in its stream.
        version: of the last of these, or of the mute itself: a newer mute of the same person must not end by mistake.

    Returns:
        What ends it; None when something newer is known of this person.
    """
    if any(getattr(event, "user_id", None) == mute.user_id for event in later):
        return None
    return Decision(
        (MemberUnmuted(course_id=mute.course_id, user_id=mute.user_id, unmuted_by=None),),
        expected={mute.stream: version},
    )


def report(report_id: UUID, channel: Channel, message: Message | None, user_id: UUID, reason: Reason) -> Decision:
    """Someone asks moderators to look at a message, also at one that was deleted meanwhile; only members can.

    Raises:
        NotFound: there is no such message here.
        Forbidden: it is one's own.
    """
    message = here(channel, message)
    if message.author_id == user_id:
        raise Forbidden("This is your own message: delete it, if it should not be there.")
    reported = MessageReported(
        report_id=report_id,
        channel_id=channel.channel_id,
        course_id=channel.course_id,
        message_id=message.message_id,
        reported_by=user_id,
        reason=reason,
    )
    return Decision((reported,), need=(channel.voice(user_id),))


def report_refused(refused: Refused) -> MimoError:
    """Why nothing was reported. A message that this person has reported before stays a refusal: it has an answer."""
    return NotAMember() if refused.reason == "missing" else refused


def resolve(channel: Channel, reported: MessageReported | None, who: Someone, outcome: Outcome) -> Decision:
    """A moderator has looked at a report: the course's owner or an admin; in direct channels, an admin.

    Args:
        channel: where.
        reported: the report, if nobody has resolved it.
        who: who looked.
        outcome: what came of it.

    Raises:
        Forbidden: they do not moderate here.
        NotFound: there is no such report in this channel, or it is resolved already.
    """
    _moderates(who, channel.owner_id)
    if reported is None or reported.channel_id != channel.channel_id:
        raise NotFound("There is no such report here, or it was resolved already.")
    resolved = ReportResolved(
        report_id=reported.report_id, channel_id=channel.channel_id, resolved_by=who.user_id, outcome=outcome
    )
    return Decision((resolved,), need=(claims.open_report(reported.report_id),))


def resolve_refused(refused: Refused) -> MimoError:
    """Why it was not resolved: somebody was quicker."""
    return NotFound("This report was resolved already.") if refused.reason == "missing" else refused


def _moderates(who: Someone, owner_id: UUID | None) -> None:
    if not who.rules_all and who.user_id != owner_id:
        raise Forbidden("Only the course's owner or an admin may do this.")
