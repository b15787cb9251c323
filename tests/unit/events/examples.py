"""One example of every event class, with fixed ids; and the key that sealed the stored samples."""

from collections.abc import Collection, Mapping
from uuid import UUID

from events.courses import CourseArchived, CourseChanged, CourseCreated, CoursePublished
from events.enrollments import Enrolled, Unenrolled
from events.event import Event
from events.messages import ChannelOpened, MessageDeleted, MessageEdited, MessageSent
from events.users import (
    PasswordChanged,
    RoleGranted,
    SessionEnded,
    SessionStarted,
    UserErased,
    UserProfileChanged,
    UserRegistered,
)
from infra.sealing import KeyRing

USER = UUID("01938000-0000-7000-8000-000000000001")
SESSION = UUID("01938000-0000-7000-8000-000000000002")
COURSE = UUID("01938000-0000-7000-8000-000000000003")
CHANNEL = UUID("01938000-0000-7000-8000-000000000004")
MESSAGE = UUID("01938000-0000-7000-8000-000000000005")
EVENT = UUID("01938000-0000-7000-8000-000000000006")
OTHER = UUID("01938000-0000-7000-8000-000000000007")

EMAIL_HMAC = "ab" * 32
SECRETS = ("ada@example.org", "Ada Lovelace", "Countess Lovelace", "Hello, wörld 👋", "Hello, everyone")
"""Every personal text of the examples."""

EXAMPLES: tuple[Event, ...] = (
    UserRegistered(user_id=USER, email_hmac=EMAIL_HMAC, email="ada@example.org", display_name="Ada Lovelace"),
    UserProfileChanged(user_id=USER, display_name="Countess Lovelace"),
    PasswordChanged(user_id=USER, session_id=SESSION),
    RoleGranted(user_id=USER, role="instructor"),
    SessionStarted(user_id=USER, session_id=SESSION),
    SessionEnded(user_id=USER, session_id=SESSION, reason="logout"),
    UserErased(user_id=USER, email_hmac=EMAIL_HMAC, destroyed=("data_key", "password")),
    CourseCreated(
        course_id=COURSE, owner_id=USER, title="Engines", description="How they think.", tags=("maths",), capacity=30
    ),
    CourseChanged(course_id=COURSE, title="Engines", description="Why they think.", tags=("maths", "logic")),
    CoursePublished(course_id=COURSE),
    CourseArchived(course_id=COURSE),
    Enrolled(course_id=COURSE, user_id=USER),
    Unenrolled(course_id=COURSE, user_id=USER),
    ChannelOpened(channel_id=CHANNEL, course_id=COURSE, owner_id=USER, name="general"),
    MessageSent(channel_id=CHANNEL, author_id=USER, text="Hello, wörld 👋", client_message_id="c-1"),
    MessageEdited(channel_id=CHANNEL, message_id=MESSAGE, author_id=USER, text="Hello, everyone"),
    MessageDeleted(channel_id=CHANNEL, message_id=MESSAGE, deleted_by=USER),
)


async def _nobody(_subjects: Collection[UUID]) -> Mapping[UUID, bytes]:
    return {}


def ring(keys: Mapping[UUID, bytes] | None = None) -> KeyRing:
    """A key ring that holds just these keys; without any, everybody is erased."""
    made = KeyRing(_nobody)
    for subject, key in (keys or {}).items():
        made.add(subject, key)
    return made
