"""Tells people what changed about them, on whichever of their devices: hints, without a seq (docs/live.md).

It must not know rooms, nor how events are followed.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from uuid import UUID

from events.catalog import SealedEvent, parse
from events.enrollments import Enrolled, Unenrolled
from events.errors import UndecodableEvent
from events.event import Event
from events.messages import ChannelOpened, DirectChannelOpened
from events.reading import ChannelRead
from events.recorded import Recorded
from query_api.live import frames
from query_api.live.listener import Listener

TYPES = frozenset(one.contract.name for one in (ChannelOpened, ChannelRead, DirectChannelOpened, Enrolled, Unenrolled))
"""The types of events that are hinted at."""


class Hints:
    """Hints at events.

    Args:
        of_person: all connections of a person.
        of_course: all who listen to a channel of a course.
    """

    def __init__(
        self, of_person: Callable[[UUID], Collection[Listener]], of_course: Callable[[UUID], Collection[Listener]]
    ) -> None:
        self._of_person = of_person
        self._of_course = of_course

    def hear(self, events: Sequence[Recorded]) -> None:
        """Hints at those whom they concern."""
        for event in events:
            happened = _parsed(event) if event.type in TYPES else None
            if happened is not None and (listeners := {*self._concerned(happened)}):
                frame = frames.yours(happened)
                for listener in listeners:
                    listener.push(frame)

    def _concerned(self, happened: Event) -> Iterable[Listener]:
        match happened:
            case ChannelRead(user_id=one) | Enrolled(user_id=one) | Unenrolled(user_id=one):
                return self._of_person(one)
            case DirectChannelOpened(people=people):
                return [listener for one in people for listener in self._of_person(one)]
            case ChannelOpened(owner_id=one, course_id=course_id):
                return [*self._of_person(one), *self._of_course(course_id)]
            case _:
                return ()


def _parsed(event: Recorded) -> Event | None:
    try:
        parsed = parse(event.type, event.schema, event.data, event.id)
    except UndecodableEvent:
        return None  # newer code wrote it
    return None if isinstance(parsed, SealedEvent) else parsed
