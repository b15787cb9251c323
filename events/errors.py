"""The errors that cross parts, one tree, each with a stable code. One that stays within a part is defined there.

    MimoError
    ├── Rejected                 the command or query is not possible; trying again unchanged will not help
    │   ├── InvalidRequest       invalid_request
    │   ├── Unauthenticated      unauthenticated
    │   ├── Forbidden            forbidden
    │   │   ├── NotAMember       not_a_member
    │   │   └── Muted            muted
    │   ├── NotFound             not_found
    │   └── Conflict             conflict
    │       ├── EmailTaken       email_taken
    │       ├── AlreadyEnrolled  already_enrolled
    │       ├── CourseFull       course_full
    │       ├── CourseNotOpen    course_not_open
    │       ├── OperationUnderway   operation_underway
    │       ├── VersionConflict  version_conflict
    │       ├── ReusedKey        reused_key
    │       └── HistoryChanged   history_changed
    ├── Unavailable              cannot be answered now; the same request may succeed later
    │   ├── RateLimited          rate_limited
    │   ├── Overloaded           overloaded
    │   ├── NotCaughtUp          not_caught_up
    │   └── Parked               parked
    ├── Refused                  the log refused an append (the write path turns it into a Rejected)
    ├── UndecodableEvent         a stored event cannot be read
    ├── BrokenLog                the log has a gap, or a checkpoint does not belong to it
    └── CannotStart              something outside a program is missing or wrong; the message says what to do

This module must not know HTTP: `infra/web/problems.py` maps codes to statuses.
"""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar
from uuid import UUID


class MimoError(Exception):
    """The root. `code` is stable and machine-readable, the text is for people."""

    code: ClassVar[str] = "error"

    def __init__(self, detail: str = "") -> None:
        super().__init__(detail or (self.__doc__ or "").strip().splitlines()[0])
        self.detail = str(self)


class Rejected(MimoError):
    """This is not possible."""

    code = "rejected"


class InvalidRequest(Rejected):
    """The request is not valid.

    Args:
        detail: what is wrong, for people.
        pointer: JSON pointer (RFC 6901) to the offending member, or "".
    """

    code = "invalid_request"

    def __init__(self, detail: str = "", pointer: str = "") -> None:
        super().__init__(detail)
        self.pointer = pointer


class Unauthenticated(Rejected):
    """Sign in first."""

    code = "unauthenticated"


class Forbidden(Rejected):
    """You may not do this."""

    code = "forbidden"


class NotAMember(Forbidden):
    """Only members of the course can do this; enrol first."""

    code = "not_a_member"


class Muted(Forbidden):
    """You are muted in this course.

    Args:
        until: when that ends by itself, in UTC; kept as text (RFC 3339).
        retry_after_seconds: how long that is from now.
    """

    code = "muted"

    def __init__(self, until: datetime, retry_after_seconds: float) -> None:
        self.until = f"{until:%Y-%m-%dT%H:%M:%SZ}"
        super().__init__(f"You are muted in this course until {self.until}.")
        self.retry_after_seconds = retry_after_seconds


class NotFound(Rejected):
    """There is no such thing, or you may not see it."""

    code = "not_found"


class Conflict(Rejected):
    """The present state does not allow this."""

    code = "conflict"


class EmailTaken(Conflict):
    """This e-mail address already has an account."""

    code = "email_taken"


class AlreadyEnrolled(Conflict):
    """You are already enrolled in this course."""

    code = "already_enrolled"


class CourseFull(Conflict):
    """Every seat of this course is taken."""

    code = "course_full"


class CourseNotOpen(Conflict):
    """This course is not open for enrolment."""

    code = "course_not_open"


class OperationUnderway(Conflict):
    """The same was asked for already and has not come to its end."""

    code = "operation_underway"


class VersionConflict(Conflict):
    """It was changed in the meantime; read it again and decide anew."""

    code = "version_conflict"


class ReusedKey(Conflict):
    """This Idempotency-Key was used for another request; use a new one."""

    code = "reused_key"


class HistoryChanged(Conflict):
    """This bookmark belongs to another history of the log; drop it and read afresh."""

    code = "history_changed"


class Unavailable(MimoError):
    """This cannot be answered now; try again shortly.

    Args:
        detail: what is the matter, for people.
        retry_after_seconds: when trying again makes sense.
    """

    code = "unavailable"

    def __init__(self, detail: str = "", retry_after_seconds: float = 1.0) -> None:
        super().__init__(detail)
        self.retry_after_seconds = retry_after_seconds


class RateLimited(Unavailable):
    """Too many requests; slow down."""

    code = "rate_limited"


class Overloaded(Unavailable):
    """The system is at its limit or its database is away; try again shortly."""

    code = "overloaded"


class NotCaughtUp(Unavailable):
    """The view has not caught up with the bookmark yet."""

    code = "not_caught_up"


class Parked(Unavailable):
    """The bookmarked event could not be applied and waits for an operator."""

    code = "parked"


class Refused(MimoError):
    """The log refused a command; nothing of it was stored.

    Args:
        reason: one of `version`, `stale`, `taken`, `full`, `missing`, `reused_key`.
        scope: the scope of the claim, or the stream (`version`), or the name of the private value (`stale`).
        key: the key of the claim, or "".
        event_id: the event that took the claim (`taken`), else None.
    """

    code = "refused"

    def __init__(self, reason: str, scope: str = "", key: str = "", event_id: UUID | None = None) -> None:
        super().__init__(f"{reason}: {scope} {key}".rstrip())
        self.reason = reason
        self.scope = scope
        self.key = key
        self.event_id = event_id


class UndecodableEvent(MimoError):
    """A stored event cannot be decoded by this version of the code."""

    code = "undecodable_event"


class BrokenLog(MimoError):
    """The log contradicts itself or a checkpoint; whoever follows it must stop, loudly."""

    code = "broken_log"


class CannotStart(MimoError):
    """Something outside the program is missing or wrong; the text says what, and what to do about it."""

    code = "cannot_start"
