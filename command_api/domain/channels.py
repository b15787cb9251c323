"""Opening channels: of a course, by its owner, and direct ones, of two people. It must not know what is said in them.

The owner of a course never changes, so it can be remembered. Who shares a course is a claim (the voice), checked when
the event is appended.
"""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from command_api.domain.courses import Someone
from command_api.domain.decision import Decision
from events import claims
from events.claims import Claim
from events.errors import Forbidden, InvalidRequest, MimoError, NotAMember, NotFound, Refused
from events.messages import ChannelOpened, ChannelRenamed, DirectChannelOpened, direct_channel_id, direct_pair


@dataclass(frozen=True, slots=True)
class Channel:
    """What never changes of a channel, so it can be remembered.

    Args:
        channel_id: the channel.
        course_id: whose channel it is; None: a direct one, of two people.
        owner_id: who owns the course.
        people: the two of a direct channel.
    """

    channel_id: UUID
    course_id: UUID | None
    owner_id: UUID | None
    people: tuple[UUID, ...] = ()

    def voice(self, user_id: UUID) -> Claim:
        """What somebody must have to speak here."""
        if self.course_id is None:
            return claims.direct_voice(self.channel_id, user_id)
        return claims.voice(self.course_id, user_id)

    def silence(self, user_id: UUID) -> tuple[Claim, ...]:
        """What somebody must not have to speak here; nobody is muted between two."""
        return () if self.course_id is None else (claims.muted(self.course_id, user_id),)


def open_channel(channel_id: UUID, course_id: UUID, owner_id: UUID, who: Someone, name: str) -> Decision:
    """A course gets another channel.

    Args:
        channel_id: the new channel.
        course_id: the course, draft, published or archived.
        owner_id: who owns it.
        who: who wants it.
        name: what it is called; others may be called the same.

    Raises:
        Forbidden: it is someone else's course.
    """
    if who.user_id != owner_id and not who.rules_all:
        raise Forbidden("Only the course's owner may open channels.")
    opened = ChannelOpened(channel_id=channel_id, course_id=course_id, owner_id=owner_id, name=name)
    return Decision((opened,), expected={f"channel-{channel_id}": 0})


def rename(channel: Channel, who: Someone, name: str) -> Decision:
    """A course's channel is called something else.

    Raises:
        NotFound: it is a direct one, which nobody is told of.
        Forbidden: it is someone else's course.
    """
    if channel.course_id is None:
        raise NotFound("No course has such a channel.")
    if who.user_id != channel.owner_id and not who.rules_all:
        raise Forbidden("Only the course's owner may rename its channels.")
    return Decision((ChannelRenamed(channel_id=channel.channel_id, name=name, renamed_by=who.user_id),))


def open_direct(course_id: UUID, user_id: UUID, other_id: UUID) -> Decision:
    """Two members of a course begin to talk to each other; what they have already is the same channel.

    Raises:
        InvalidRequest: nobody needs a channel to themselves.
    """
    if user_id == other_id:
        raise InvalidRequest("Somebody else is needed for a conversation.", "/user_id")
    channel_id = direct_channel_id(user_id, other_id)
    return Decision(
        (DirectChannelOpened(channel_id=channel_id, people=direct_pair(user_id, other_id)),),
        need=(claims.voice(course_id, user_id), claims.voice(course_id, other_id)),
        absent=(claims.erased(other_id),),
        expected={f"channel-{channel_id}": 0},
    )


def direct_refused(refused: Refused, user_id: UUID) -> MimoError:
    """Why two cannot begin to talk. `version`: they have begun already, which has an answer."""
    if refused.reason == "missing":
        if refused.key == str(user_id):
            return NotAMember()
        return NotAMember("The two of you are in no such course together.")
    if refused.reason == "taken":
        return NotFound("This person's account was erased.")
    return refused
