"""What somebody looks for in the log: the filters, and how people write them.

It must not know SQL, nor how events are shown.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from uuid import UUID

from events.bookmark import TOPIC_PREFIX
from events.catalog import BY_NAME, TOPICS
from events.errors import InvalidRequest

UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
CATEGORIES: dict[str, tuple[str, ...]] = {
    category: tuple(name for name, event in BY_NAME.items() if event.contract.stream == category)
    for category in dict.fromkeys(event.contract.stream for event in BY_NAME.values())
}
"""Of streams (`course` of `course-<id>`), with the events that they hold."""
_AGO = re.compile(r"(\d{1,6})([smhdw])", re.ASCII)


class Grouping(StrEnum):
    """What events are counted by."""

    TYPE = "type"
    TOPIC = "topic"
    STREAM = "stream"
    DAY = "day"
    ACTOR = "actor"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Events for which all of this holds; what is None or empty is not asked for.

    Args:
        types: one of these names.
        stream: `<category>-<key>`.
        key: of whichever streams.
        actor: as in the event's meta data.
        topic: its full name.
        pattern: a regular expression of PostgreSQL's that the data, as the log holds them, match.
        since: at this time or later.
        until: before this time.
        first: the smallest position.
        last: the largest position.
    """

    types: tuple[str, ...] = ()
    stream: str | None = None
    key: str | None = None
    actor: str | None = None
    topic: str | None = None
    pattern: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    first: int = 1
    last: int | None = None

    def __post_init__(self) -> None:
        """Refuses what nothing can match.

        Raises:
            InvalidRequest: the text says what contradicts what.
        """
        if self.since is not None and self.until is not None and self.since >= self.until:
            raise InvalidRequest(f"Nothing lies between {self.since:%F %T} and {self.until:%F %T} UTC.")
        if self.last is not None and self.first > self.last:
            raise InvalidRequest(f"Nothing lies between the positions {self.first} and {self.last}.")
        for name in self.types:
            if self.topic is not None and BY_NAME[name].contract.topic != self.topic:
                raise InvalidRequest(f"{name} is in {BY_NAME[name].contract.topic}, never in {self.topic}.")

    @property
    def topics(self) -> tuple[str, ...]:
        """The topics outside of which nothing is wanted; none: anywhere."""
        if self.topic is not None:
            return (self.topic,)
        return tuple(dict.fromkeys(BY_NAME[name].contract.topic for name in self.types))

    @property
    def streams(self) -> tuple[str, ...]:
        """The streams outside of which nothing is wanted; none: anywhere."""
        if self.stream is not None:
            return (self.stream,)
        if self.key is None:
            return ()
        return tuple(
            f"{category}-{self.key}"
            for category, names in CATEGORIES.items()
            if not self.topics or any(BY_NAME[name].contract.topic in self.topics for name in names)
        )


def read_wanted(
    *,
    types: Sequence[str] = (),
    stream: str | None = None,
    key: str | None = None,
    actor: str | None = None,
    topic: str | None = None,
    pattern: str | None = None,
    since: str | None = None,
    until: str | None = None,
    first: int | None = None,
    last: int | None = None,
    now: datetime | None = None,
) -> Wanted:
    """Reads filters as people write them.

    Args:
        types: names of events.
        stream: such as `course-<id>`.
        key: the id of a user, course or channel.
        actor: a user's id, or `user:<id>`, `operator:<name>`, `worker`, `anonymous`.
        topic: with or without `mimo.`.
        pattern: a regular expression.
        since: a time, see `time_of`.
        until: the same.
        first: a position.
        last: a position.
        now: what relative times are reckoned from.

    Raises:
        InvalidRequest: something cannot be read; the text says what to write.
    """
    for text in (stream, key, actor, pattern):
        if text is not None and not _storable(text):
            raise InvalidRequest(f"{text!r} is no text that an event could hold.")
    now = now or datetime.now(UTC)
    return Wanted(
        types=tuple(dict.fromkeys(type_of(name) for name in types)),
        stream=None if stream is None else stream_of(stream),
        key=key,
        actor=None if actor is None else actor_of(actor),
        topic=None if topic is None else topic_of(topic),
        pattern=pattern,
        since=None if since is None else time_of(since, now),
        until=None if until is None else time_of(until, now),
        first=first or 1,
        last=last,
    )


def type_of(text: str) -> str:
    """The name of an event.

    Raises:
        InvalidRequest: there is none of this name.
    """
    if text in BY_NAME:
        return text
    lower = {name.lower(): name for name in BY_NAME}
    near = difflib.get_close_matches(text.lower(), lower, n=1)
    raise InvalidRequest(
        f"There is no event {text!r}; did you mean {lower[near[0]]}?"
        if near
        else f"There is no event {text!r}; there are {', '.join(BY_NAME)}."
    )


def topic_of(text: str) -> str:
    """The full name of a topic.

    Raises:
        InvalidRequest: there is none of this name.
    """
    name = text if text.startswith(TOPIC_PREFIX) else TOPIC_PREFIX + text
    if name not in TOPICS:
        raise InvalidRequest(f"There is no topic {text!r}; there are {', '.join(TOPICS)}.")
    return name


def stream_of(text: str) -> str:
    """The name of a stream.

    Raises:
        InvalidRequest: it is not of the form that streams have.
    """
    category, dash, key = text.partition("-")
    if category not in CATEGORIES or not dash or not key:
        forms = ", ".join(f"{name}-ID" for name in CATEGORIES)
        raise InvalidRequest(f"{text!r} is no stream: write {forms}; or ask for the ID alone, as the key.")
    return text


def actor_of(text: str) -> str:
    """Who did it, as meta data have it.

    Raises:
        InvalidRequest: it is neither a user's id nor one of the other forms.
    """
    kind, colon, name = text.partition(":")
    if text in ("anonymous", "worker") or (kind == "operator" and name):
        return text
    try:
        return f"user:{UUID(name if kind == 'user' and colon else text)}"
    except ValueError:
        raise InvalidRequest(f"{text!r} is nobody: write a user's id, operator:NAME, worker or anonymous.") from None


def time_of(text: str, now: datetime) -> datetime:
    """A moment: `15m` ago (s, m, h, d, w), a date (its beginning), or ISO 8601; UTC unless it says otherwise.

    Raises:
        InvalidRequest: it is none of these.
    """
    try:
        if ago := _AGO.fullmatch(text):
            return now - timedelta(**{UNITS[ago[2]]: int(ago[1])})
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise InvalidRequest(
            f"{text!r} is no time: write 15m, 2h or 3d (ago), 2026-11-23, or 2026-11-23T12:30 (UTC)."
        ) from None


def _storable(text: str) -> bool:
    try:
        return bool(text) and b"\0" not in text.encode()
    except UnicodeEncodeError:  # bytes on the command line that are no text
        return False
