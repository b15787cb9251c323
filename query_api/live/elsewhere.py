"""Who is in which channel through other processes, as these told it; a process that falls silent is forgotten.

It must not know how it is told, nor who is in a channel through this process.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from time import monotonic
from uuid import UUID

from query_api.live.notices import Notice

SILENT_SECONDS = 40.0
"""After so long without a word a process was killed, or is cut off."""


class Process:
    """Another process.

    Attributes:
        people: by channel, who is in it.
        heard_at: when it told something last.
        coming: the parts of a whole that have come so far; None: none is being told.
    """

    def __init__(self) -> None:
        self.people: dict[UUID, set[UUID]] = {}
        self.heard_at = 0.0
        self.coming: dict[UUID, set[UUID]] | None = None


class Elsewhere:
    """All other processes.

    Args:
        moved: is told in which channels somebody came or went.
        clock: seconds that never go back.
    """

    def __init__(self, moved: Callable[[Collection[UUID]], None], clock: Callable[[], float] = monotonic) -> None:
        self._moved = moved
        self._clock = clock
        self._processes: dict[UUID, Process] = {}

    def people(self, channel_id: UUID) -> set[UUID]:
        """Who is in a channel."""
        return set().union(*(one.people.get(channel_id, ()) for one in self._processes.values()))

    def hear(self, notice: Notice) -> None:
        """Takes what a process told of who is in channels."""
        process = self._processes.setdefault(notice.process, Process())
        process.heard_at = self._clock()
        match notice.kind:
            case "came":
                for channel_id, those in notice.people.items():
                    process.people.setdefault(channel_id, set()).update(those)
                self._moved(notice.people)
            case "went":
                for channel_id, those in notice.people.items():
                    _take(process.people, channel_id, those)
                self._moved(notice.people)
            case "whole":
                self._take_whole(process, notice)
            case "gone":
                self._forget(notice.process)

    def forget_the_silent(self) -> None:
        """Those who were not heard for long are not there any more."""
        silent_since = self._clock() - SILENT_SECONDS
        for process_id in [one for one, process in self._processes.items() if process.heard_at < silent_since]:
            self._forget(process_id)

    def _take_whole(self, process: Process, notice: Notice) -> None:
        if notice.part == 0:
            process.coming = {}
        if process.coming is None:
            return  # its beginning was told before we listened
        for channel_id, those in notice.people.items():
            process.coming.setdefault(channel_id, set()).update(those)
        if notice.last:
            before, process.people, process.coming = process.people, process.coming, None
            now = process.people
            self._moved([one for one in before.keys() | now.keys() if before.get(one) != now.get(one)])

    def _forget(self, process_id: UUID) -> None:
        self._moved(self._processes.pop(process_id).people)


def _take(people: dict[UUID, set[UUID]], channel_id: UUID, those: Iterable[UUID]) -> None:
    if (there := people.get(channel_id)) is not None:
        there.difference_update(those)
        if not there:
            del people[channel_id]
