"""The school that both sides of the HTTP benchmarks hold, and what a load generator needs to know of it.

Knows nothing of either side's code.
"""

from __future__ import annotations

from dataclasses import dataclass

TEXT = (
    "Does the second proof in chapter four need the ring to be commutative? I tried the quaternions and it "
    "seemed to hold until the last step."
)


@dataclass(frozen=True)
class SchoolSize:
    """How many of everything; every user is enrolled in every course, each course has one channel."""

    users: int = 16
    courses: int = 16
    messages_per_channel: int = 100
    capacity: int = 300


@dataclass(frozen=True)
class School:
    """One side's school: where it listens, and the ids and access tokens to ask it with.

    `commands` and `queries` are base URLs without a trailing slash; `tokens` holds one access token per user.
    """

    commands: str
    queries: str
    tokens: tuple[str, ...]
    course_ids: tuple[str, ...]
    channel_ids: tuple[str, ...]


def user_name(number: int) -> str:
    """Display name of the user of that number, from 0."""
    return f"Student Number {number}"


def course_title(number: int) -> str:
    """Title of the course of that number, from 0."""
    return f"Course {number}: rings, fields and modules"


COURSE_DESCRIPTION = "Weekly lectures, exercises on Thursdays, one exam. " * 4
COURSE_TAGS = ("algebra", "second-year")
