"""Claims: facts that must hold across streams, and how each event changes them.

What an event takes, releases and limits follows from the event alone, so the claims can be rebuilt from the
log and checked. Must not know how claims are stored.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, NamedTuple
from uuid import UUID

from events.courses import CourseArchived, CourseChanged, CourseCreated, CoursePublished
from events.enrollments import Enrolled, Unenrolled
from events.event import Event
from events.messages import DirectChannelOpened, MessageDeleted, MessageSent, ReactionAdded, ReactionRemoved
from events.moderation import MemberMuted, MemberUnmuted, MessageReported, ReportResolved
from events.operations import OperationEnded, OperationRequested
from events.users import PasswordChanged, RoleGranted, SessionEnded, SessionStarted, UserErased, UserRegistered

MAX_KEY_BYTES = 200
EMAIL_SCOPE = "email"
OPEN_KEY = "open"
CLIENT_MESSAGE_SCOPE = "client_message/"
REACTION_SCOPE = "reaction/"
UNDERWAY_SCOPE = "operation"
MUTED_SCOPE_END = "/muted"


class Claim(NamedTuple):
    """A claim's name: at most one event holds `key` in `scope` at a time."""

    scope: str
    key: str


class Effect(NamedTuple):
    """One change of the claims.

    `take` and `release` act on (scope, key); `release_others` empties the scope but for `key` ("" keeps none);
    `limit` sets how many keys the scope can hold: `key` is the number in decimal, "" for any number.
    """

    kind: Literal["take", "release", "release_others", "limit"]
    scope: str
    key: str


def email(email_hmac: str) -> Claim:
    """This address has an account."""
    return Claim(EMAIL_SCOPE, email_hmac)


def session(user_id: UUID, session_id: UUID) -> Claim:
    """This session goes on."""
    return Claim(f"session/{user_id}", str(session_id))


def role(user_id: UUID, name: str) -> Claim:
    """This person has this role."""
    return Claim(f"role/{user_id}", name)


def course_open(course_id: UUID) -> Claim:
    """This course can be joined."""
    return Claim(f"course/{course_id}", OPEN_KEY)


def seat(course_id: UUID, user_id: UUID) -> Claim:
    """This person has one of the course's seats, which may be limited."""
    return Claim(f"course/{course_id}/seats", str(user_id))


def voice(course_id: UUID, user_id: UUID) -> Claim:
    """This person may speak in the course's channels."""
    return Claim(f"course/{course_id}/voices", str(user_id))


def direct_voice(channel_id: UUID, user_id: UUID) -> Claim:
    """This person is one of the two who speak in a direct channel."""
    return Claim(f"channel/{channel_id}/voices", str(user_id))


def muted(course_id: UUID, user_id: UUID) -> Claim:
    """This member of the course was muted. It is held until somebody notices that the time is up."""
    return Claim(f"course/{course_id}{MUTED_SCOPE_END}", str(user_id))


def reaction(message_id: UUID, user_id: UUID, emoji: str) -> Claim:
    """This person has reacted to the message so."""
    return Claim(f"{REACTION_SCOPE}{message_id}", f"{user_id} {emoji}")


def report(message_id: UUID, user_id: UUID) -> Claim:
    """This person has reported the message."""
    return Claim(f"report/{message_id}", str(user_id))


def open_report(report_id: UUID) -> Claim:
    """Nobody has resolved this report."""
    return Claim("report_open", str(report_id))


def client_message(author_id: UUID, client_message_id: str) -> Claim:
    """This author already sent the message that the client calls so."""
    return Claim(f"{CLIENT_MESSAGE_SCOPE}{author_id}", client_message_id)


def deleted_message(message_id: UUID) -> Claim:
    """This message was deleted."""
    return Claim("deleted_message", str(message_id))


def erased(user_id: UUID) -> Claim:
    """This person was erased."""
    return Claim("erased", str(user_id))


def underway(action: str, target: str) -> Claim:
    """This was asked for at the desk, and has not come to its end."""
    return Claim(UNDERWAY_SCOPE, f"{action} {target}")


def _take(claim: Claim) -> Effect:
    return Effect("take", claim.scope, claim.key)


def _release(claim: Claim) -> Effect:
    return Effect("release", claim.scope, claim.key)


def _seats(course_id: UUID, capacity: int | None) -> Effect:
    return Effect("limit", f"course/{course_id}/seats", "" if capacity is None else str(capacity))


def _session_ended(e: SessionEnded) -> tuple[Effect, ...]:
    if e.session_id is None:
        return (Effect("release_others", f"session/{e.user_id}", ""),)
    return (_release(session(e.user_id, e.session_id)),)


def _message_sent(e: MessageSent) -> tuple[Effect, ...]:
    return (_take(client_message(e.author_id, e.client_message_id)),) if e.client_message_id else ()


def _direct_channel_opened(e: DirectChannelOpened) -> tuple[Effect, ...]:
    return tuple(_take(direct_voice(e.channel_id, user_id)) for user_id in e.people)


def _user_erased(e: UserErased) -> tuple[Effect, ...]:
    return (
        _take(erased(e.user_id)),
        _release(email(e.email_hmac)),
        Effect("release_others", f"session/{e.user_id}", ""),
        Effect("release_others", f"role/{e.user_id}", ""),
    )


def _operation_requested(e: OperationRequested) -> tuple[Effect, ...]:
    return (_take(underway(e.action, e.target)),) if e.via == "desk" else ()


def _operation_ended(e: OperationEnded) -> tuple[Effect, ...]:
    return (_release(underway(e.action, e.target)),) if e.via == "desk" else ()


_EFFECTS: dict[type[Event], Callable[[Any], tuple[Effect, ...]]] = {
    UserRegistered: lambda e: (_take(email(e.email_hmac)),),
    RoleGranted: lambda e: (_take(role(e.user_id, e.role)),),
    SessionStarted: lambda e: (_take(session(e.user_id, e.session_id)),),
    SessionEnded: _session_ended,
    PasswordChanged: lambda e: (Effect("release_others", f"session/{e.user_id}", str(e.session_id)),),
    UserErased: _user_erased,
    CourseCreated: lambda e: (_seats(e.course_id, e.capacity), _take(voice(e.course_id, e.owner_id))),
    CourseChanged: lambda e: (_seats(e.course_id, e.capacity),),
    CoursePublished: lambda e: (_take(course_open(e.course_id)),),
    CourseArchived: lambda e: (_release(course_open(e.course_id)),),
    Enrolled: lambda e: (_take(seat(e.course_id, e.user_id)), _take(voice(e.course_id, e.user_id))),
    Unenrolled: lambda e: (_release(seat(e.course_id, e.user_id)), _release(voice(e.course_id, e.user_id))),
    MessageSent: _message_sent,
    MessageDeleted: lambda e: (_take(deleted_message(e.message_id)),),
    DirectChannelOpened: _direct_channel_opened,
    ReactionAdded: lambda e: (_take(reaction(e.message_id, e.user_id, e.emoji)),),
    ReactionRemoved: lambda e: (_release(reaction(e.message_id, e.user_id, e.emoji)),),
    MemberMuted: lambda e: (_take(muted(e.course_id, e.user_id)),),
    MemberUnmuted: lambda e: (_release(muted(e.course_id, e.user_id)),),
    MessageReported: lambda e: (_take(report(e.message_id, e.reported_by)), _take(open_report(e.report_id))),
    ReportResolved: lambda e: (_release(open_report(e.report_id)),),
    OperationRequested: _operation_requested,
    OperationEnded: _operation_ended,
}


def effects(event: Event) -> tuple[Effect, ...]:
    """How the event changes the claims, in order; empty for events that change none."""
    changes = _EFFECTS.get(type(event))
    return changes(event) if changes else ()
