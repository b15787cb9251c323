"""What happens to people's accounts and sessions. Must not know how any of it is decided or shown."""

from __future__ import annotations

from typing import ClassVar, Literal
from uuid import UUID

from events.event import Contract, Event, Personal

TOPIC = "mimo.users"

Role = Literal["instructor", "admin"]
"""What a person can be granted; everyone is a student."""


class UserRegistered(Event, frozen=True, kw_only=True):
    """Someone created an account."""

    contract: ClassVar = Contract("UserRegistered", "user", TOPIC, key="user_id", subject="user_id")

    user_id: UUID
    """Who: the id that the account got."""
    email_hmac: str
    """HMAC of the normalised address: keeps it unique without telling it."""
    email: Personal
    """The address, as it was typed."""
    display_name: Personal
    """What others see."""


class UserProfileChanged(Event, frozen=True, kw_only=True):
    """Someone changed how they are shown."""

    contract: ClassVar = Contract("UserProfileChanged", "user", TOPIC, key="user_id", subject="user_id")

    user_id: UUID
    """Whose profile."""
    display_name: Personal
    """What others see from now on."""


class PasswordChanged(Event, frozen=True, kw_only=True):
    """Someone changed their password; every other session of theirs ended with it."""

    contract: ClassVar = Contract("PasswordChanged", "user", TOPIC, key="user_id")

    user_id: UUID
    """Whose password."""
    session_id: UUID
    """The session that goes on."""


class RoleGranted(Event, frozen=True, kw_only=True):
    """An operator made someone an instructor or an admin."""

    contract: ClassVar = Contract("RoleGranted", "user", TOPIC, key="user_id")

    user_id: UUID
    """Who was granted it."""
    role: Role
    """What the person may be from now on; everyone is a student."""


class SessionStarted(Event, frozen=True, kw_only=True):
    """Someone signed in."""

    contract: ClassVar = Contract("SessionStarted", "user", TOPIC, key="user_id")

    user_id: UUID
    """Who signed in."""
    session_id: UUID
    """The session: it lasts over refreshes, until it ends or is not used."""


class SessionEnded(Event, frozen=True, kw_only=True):
    """Someone signed out, or a session was revoked."""

    contract: ClassVar = Contract("SessionEnded", "user", TOPIC, key="user_id")

    user_id: UUID
    """Whose session."""
    session_id: UUID | None
    """The session that ended; None: all of this person's."""
    reason: Literal["logout", "refresh_reused"]
    """`logout`: its owner ended it. `refresh_reused`: an old refresh token was used, so it may be stolen."""


class UserErased(Event, frozen=True, kw_only=True):
    """A person was erased: nobody can read their sealed data any more. This event is the receipt."""

    contract: ClassVar = Contract("UserErased", "user", TOPIC, key="user_id")

    user_id: UUID
    """Who was erased."""
    email_hmac: str
    """As the person registered with: the address is free again."""
    destroyed: tuple[str, ...]
    """What was destroyed with it, such as `data_key` and `password`."""
