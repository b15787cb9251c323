"""Bookmarks: "show me at least this", as a command answers them and a read accepts them.

Their text is `log.<history>,<topic>.<partition>:<offset>,…`, for instance
`log.7f3a9c21,messages.3:1204`; several joined by commas are one. Must not know how waiting is done.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from uuid import UUID

from events.errors import HistoryChanged, InvalidRequest

TOPIC_PREFIX = "mimo."
MAX_ITEMS = 512
HISTORY_CHARACTERS = 8
_ITEM = re.compile(r"([a-z_]{1,32})\.(\d{1,5}):(\d{1,18})", re.ASCII)
_HISTORY = re.compile(r"log\.([0-9a-f]{8})")

Place = tuple[str, int]
"""A topic's full name and a partition."""


def history_of(log_id: UUID) -> str:
    """The short name of a history, as bookmarks carry it."""
    return log_id.hex[:HISTORY_CHARACTERS]


def format_bookmark(log_id: UUID, offsets: Mapping[Place, int] | Iterable[tuple[Place, int]]) -> str:
    """Writes a bookmark; places at offset 0 ask for nothing and are left out."""
    items = offsets.items() if isinstance(offsets, Mapping) else offsets
    written = [f"{t.removeprefix(TOPIC_PREFIX)}.{p}:{offset}" for (t, p), offset in items if offset > 0]
    return ",".join([f"log.{history_of(log_id)}", *written])


def parse_bookmark(text: str, log_id: UUID) -> dict[Place, int]:
    """Reads a bookmark; of several offsets of one partition the largest counts.

    Args:
        text: the header's value; joined header lines are fine.
        log_id: the history that is being read.

    Raises:
        InvalidRequest: it is not a bookmark.
        HistoryChanged: it was made in another history (before a restore).
    """
    wanted: dict[Place, int] = {}
    items = [item.strip() for item in text.split(",")]
    if len(items) > MAX_ITEMS:
        raise InvalidRequest(f"Mimo-Bookmark holds more than {MAX_ITEMS} items; keep only the latest ones.")
    for item in items:
        if match := _ITEM.fullmatch(item):
            place = (TOPIC_PREFIX + match[1], int(match[2]))
            wanted[place] = max(wanted.get(place, 0), int(match[3]))
        elif history := _HISTORY.fullmatch(item):
            if history[1] != history_of(log_id):
                raise HistoryChanged
        else:
            raise InvalidRequest("Mimo-Bookmark is not a bookmark; send back what a command answered.")
    return wanted
