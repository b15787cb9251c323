"""Claims follow from events alone: what each event takes, releases and limits, and keys that the log can hold."""

import pytest
from msgspec.structs import replace

from events.catalog import EVENTS
from events.claims import (
    MAX_KEY_BYTES,
    Effect,
    client_message,
    course_open,
    effects,
    email,
    role,
    seat,
    session,
    underway,
    voice,
)
from events.courses import CourseArchived, CourseChanged, CourseCreated, CoursePublished
from events.enrollments import Enrolled, Unenrolled
from events.event import Event
from events.messages import MessageDeleted, MessageSent, direct_channel_id
from events.operations import OperationEnded, OperationRequested
from events.users import PasswordChanged, SessionEnded
from tests.unit.events.examples import CHANNEL, COURSE, EMAIL_HMAC, EXAMPLES, MESSAGE, OTHER, REPORT, SESSION, USER

EXPECTED: dict[str, tuple[Effect, ...]] = {
    "UserRegistered": (Effect("take", "email", EMAIL_HMAC),),
    "UserProfileChanged": (),
    "PasswordChanged": (Effect("release_others", f"session/{USER}", str(SESSION)),),
    "RoleGranted": (Effect("take", f"role/{USER}", "instructor"),),
    "SessionStarted": (Effect("take", f"session/{USER}", str(SESSION)),),
    "SessionEnded": (Effect("release", f"session/{USER}", str(SESSION)),),
    "UserErased": (
        Effect("take", "erased", str(USER)),
        Effect("release", "email", EMAIL_HMAC),
        Effect("release_others", f"session/{USER}", ""),
        Effect("release_others", f"role/{USER}", ""),
    ),
    "CourseCreated": (
        Effect("limit", f"course/{COURSE}/seats", "30"),
        Effect("take", f"course/{COURSE}/voices", str(USER)),
    ),
    "CourseChanged": (Effect("limit", f"course/{COURSE}/seats", ""),),
    "CoursePublished": (Effect("take", f"course/{COURSE}", "open"),),
    "CourseArchived": (Effect("release", f"course/{COURSE}", "open"),),
    "Enrolled": (
        Effect("take", f"course/{COURSE}/seats", str(USER)),
        Effect("take", f"course/{COURSE}/voices", str(USER)),
    ),
    "Unenrolled": (
        Effect("release", f"course/{COURSE}/seats", str(USER)),
        Effect("release", f"course/{COURSE}/voices", str(USER)),
    ),
    "ChannelOpened": (),
    "ChannelRenamed": (),
    "DirectChannelOpened": (
        Effect("take", f"channel/{direct_channel_id(USER, OTHER)}/voices", str(USER)),
        Effect("take", f"channel/{direct_channel_id(USER, OTHER)}/voices", str(OTHER)),
    ),
    "MessageSent": (Effect("take", f"client_message/{USER}", "c-1"),),
    "MessageEdited": (),
    "MessageDeleted": (Effect("take", "deleted_message", str(MESSAGE)),),
    "ReactionAdded": (Effect("take", f"reaction/{MESSAGE}", f"{USER} 👍"),),
    "ReactionRemoved": (Effect("release", f"reaction/{MESSAGE}", f"{USER} 👍"),),
    "ChannelRead": (),
    "MemberMuted": (Effect("take", f"course/{COURSE}/muted", str(OTHER)),),
    "MemberUnmuted": (Effect("release", f"course/{COURSE}/muted", str(OTHER)),),
    "MessageReported": (
        Effect("take", f"report/{MESSAGE}", str(USER)),
        Effect("take", "report_open", str(REPORT)),
    ),
    "ReportResolved": (Effect("release", "report_open", str(REPORT)),),
    "OperationRequested": (),
    "OperationEnded": (),
}


def test_every_event_class_is_in_the_table() -> None:
    assert [event.contract.name for event in EVENTS] == list(EXPECTED)


@pytest.mark.parametrize("event", EXAMPLES, ids=lambda event: event.contract.name)
def test_an_event_changes_just_these_claims(event: Event) -> None:
    assert effects(event) == EXPECTED[event.contract.name]


def test_what_has_no_session_ends_them_all() -> None:
    ended = SessionEnded(user_id=USER, session_id=None, reason="refresh_reused")
    assert effects(ended) == (Effect("release_others", f"session/{USER}", ""),)


def test_a_message_without_a_clients_id_takes_nothing() -> None:
    assert effects(MessageSent(channel_id=CHANNEL, author_id=USER, text="hi")) == ()


@pytest.mark.parametrize(("capacity", "limit"), [(None, ""), (0, "0"), (1, "1"), (10**6, "1000000")])
def test_a_capacity_is_the_limit_of_the_seats(capacity: int | None, limit: str) -> None:
    created = CourseCreated(course_id=COURSE, owner_id=USER, title="t", description="", capacity=capacity)
    changed = CourseChanged(course_id=COURSE, title="t", description="", capacity=capacity)
    assert effects(created)[0] == effects(changed)[0] == Effect("limit", f"course/{COURSE}/seats", limit)


def test_what_one_event_takes_the_opposite_one_releases() -> None:
    def named(event: Event, kind: str) -> set[tuple[str, str]]:
        return {(effect.scope, effect.key) for effect in effects(event) if effect.kind == kind}

    assert named(Enrolled(course_id=COURSE, user_id=OTHER), "take") == named(
        Unenrolled(course_id=COURSE, user_id=OTHER), "release"
    )
    assert named(CoursePublished(course_id=COURSE), "take") == named(CourseArchived(course_id=COURSE), "release")


def test_the_names_that_commands_ask_for_are_those_that_events_take() -> None:
    taken = {(effect.scope, effect.key) for event in EXAMPLES for effect in effects(event) if effect.kind == "take"}
    asked = {email(EMAIL_HMAC), session(USER, SESSION), role(USER, "instructor"), course_open(COURSE)}
    asked |= {seat(COURSE, USER), voice(COURSE, USER), client_message(USER, "c-1")}
    assert asked <= taken


@pytest.mark.parametrize("event", EXAMPLES, ids=lambda event: event.contract.name)
def test_a_key_fits_into_the_log(event: Event) -> None:
    assert all(len(effect.key.encode()) <= MAX_KEY_BYTES for effect in effects(event))


def test_claims_never_tell_personal_data() -> None:
    for event in EXAMPLES:
        for effect in effects(event):
            told = f"{effect.scope} {effect.key}".lower()
            assert "ada@" not in told
            assert "lovelace" not in told


def test_a_password_change_keeps_only_the_session_it_was_made_in() -> None:
    (effect,) = effects(PasswordChanged(user_id=USER, session_id=OTHER))
    assert effect == Effect("release_others", f"session/{USER}", str(OTHER))


def test_only_what_was_asked_for_at_the_desk_is_underway() -> None:
    asked = [replace(event, via="desk") for event in EXAMPLES if type(event) in (OperationRequested, OperationEnded)]
    assert [effects(event) for event in asked] == [
        (Effect("take", *underway("replay", "messages")),),
        (Effect("release", *underway("replay", "messages")),),
    ]


def test_a_message_is_deleted_once() -> None:
    mine = MessageDeleted(channel_id=CHANNEL, message_id=MESSAGE, deleted_by=USER)
    theirs = MessageDeleted(channel_id=OTHER, message_id=MESSAGE, deleted_by=OTHER)
    assert effects(mine) == effects(theirs)
