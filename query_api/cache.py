"""The read cache: rows of the views, each with the checkpoints read in the same statement. Pure: no I/O, no clock.

One rule makes it right. `published` says how far every partition of every projection is known to have come. A row
read at checkpoint c stays true up to the published p ≥ c, because publishing p first drops what changed in between;
and a row read at c < p is not let in, because what changed in (c, p] has already been dropped. So what is in the
cache is true at the published checkpoints or at its own, whichever is later.

It must not know what the rows mean, nor how changes are learned (freshness.py).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable, Iterable, Mapping
from typing import Any

Mark = tuple[str, str, int]
"""A projection, the full name of a topic it consumes, and a partition of it."""

Tag = tuple[str, str]
"""A topic, and what changed in it: an event's key, or something more precise that the event tells."""

EVERYTHING = "*"
"""The tag of rows that any event of a topic may change."""

ENTRY_OVERHEAD_BYTES = 600


class Entry:
    """What one look-up found. `alive` turns false, for good, as soon as it may no longer be served.

    Args:
        name: the kind of look-up and its key.
        value: what was found; never changed afterwards.
        marks: the checkpoints that the value reflects, read in the same statement.
        tags: what, when it changes, makes the value wrong.
        event_key: the key of all events of the rows' own topic that can change it; None when there are several.
        size_bytes: roughly what the value takes.
    """

    __slots__ = ("alive", "event_key", "marks", "name", "size_bytes", "tags", "value")

    def __init__(
        self,
        name: Hashable,
        value: Any,
        marks: tuple[tuple[Mark, int], ...],
        tags: tuple[Tag, ...],
        event_key: str | None = None,
        size_bytes: int = 0,
    ) -> None:
        self.name, self.value, self.marks, self.tags = name, value, marks, tags
        self.event_key = event_key
        self.size_bytes = size_bytes + ENTRY_OVERHEAD_BYTES
        self.alive = False

    def concerned_by(self, mark: Mark, event_key: str) -> bool:
        """Whether an event of that key can change the value."""
        own_topic = self.marks[0][0][1]
        changing = mark[1] != own_topic or self.event_key in (None, event_key)
        return changing and any(mark == own for own, _ in self.marks)


class ReadCache:
    """Entries, bounded by size, and the published checkpoints that they are true at.

    Args:
        max_bytes: roughly how much all values may take; the least recently used go first.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._entries: OrderedDict[Hashable, Entry] = OrderedDict()
        self._by_topic: dict[str, dict[str, set[Entry]]] = {}
        self.size_bytes = 0
        self.published: dict[Mark, int] = {}
        self.era = 0
        """Counts the times that everything was forgotten; a look-up begun in an earlier era is not let in."""
        self.epoch = 0
        """Counts the publications; while it stands still, so does `published`."""

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, name: Hashable) -> Entry | None:
        """The entry of that name, true at the published checkpoints or later."""
        entry = self._entries.get(name)
        if entry is not None:
            self._entries.move_to_end(name)
        return entry

    def offer(self, entry: Entry, era: int) -> bool:
        """Lets an entry in, unless what it holds may be wrong at the published checkpoints.

        Args:
            entry: what was found.
            era: the era when the look-up began.

        Returns:
            Whether it was let in.
        """
        published = self.published
        if era != self.era or entry.size_bytes > self._max_bytes // 8:
            return False
        for mark, offset in entry.marks:
            known = published.get(mark)
            if known is None or offset < known:
                return False
        if (former := self._entries.get(entry.name)) is not None:
            self._remove(former)
        self._entries[entry.name] = entry
        entry.alive = True
        self.size_bytes += entry.size_bytes
        for topic, changing in entry.tags:
            self._by_topic.setdefault(topic, {}).setdefault(changing, set()).add(entry)
        while self.size_bytes > self._max_bytes:
            self._remove(next(iter(self._entries.values())))
        return True

    def watches(self, topic: str) -> bool:
        """Whether any entry depends on a topic."""
        return bool(self._by_topic.get(topic))

    def publish(self, checkpoints: Mapping[Mark, int], changed: Iterable[Tag]) -> None:
        """Drops what changed and then, in the same breath, says how far the views have come.

        Args:
            checkpoints: all marks, none behind what was published before in this era.
            changed: the tags of every event between the published checkpoints and these.
        """
        for tag in changed:
            self._drop(tag)
        self.published = dict(checkpoints)
        self.epoch += 1

    def forget(self) -> None:
        """Drops everything and begins a new era: nobody knows any more what changed."""
        for entry in self._entries.values():
            entry.alive = False
        self._entries.clear()
        self._by_topic.clear()
        self.size_bytes = 0
        self.published = {}
        self.era += 1
        self.epoch += 1

    def _drop(self, tag: Tag) -> None:
        holders = self._by_topic.get(tag[0], {})
        for entry in (*holders.get(tag[1], ()), *holders.get(EVERYTHING, ())):
            self._remove(entry)

    def _remove(self, entry: Entry) -> None:
        if not entry.alive:  # it had both tags
            return
        entry.alive = False
        del self._entries[entry.name]
        self.size_bytes -= entry.size_bytes
        for topic, changing in entry.tags:
            holders = self._by_topic[topic]
            holders[changing].discard(entry)
            if not holders[changing]:
                del holders[changing]
