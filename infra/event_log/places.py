"""One event by what names it: its id, its position, its place in a topic, or its place in a stream.

It must not know how events are shown.
"""

from __future__ import annotations

import re
from uuid import UUID

from events.errors import InvalidRequest, NotFound
from events.recorded import Recorded
from infra.event_log.lanes import LOG, Lane
from infra.event_log.search import Search
from infra.event_log.wanted import stream_of, topic_of

Where = UUID | tuple[Lane, int]
"""An id, or a number in a lane."""

_POSITION = re.compile(r"\d{1,18}", re.ASCII)
_IN_TOPIC = re.compile(r"([\w.]+?)[/.](\d{1,5})[/:](\d{1,18})", re.ASCII)  # the latter as bookmarks have it
_IN_STREAM = re.compile(r"(.+)@(\d{1,18})", re.ASCII)


def read_where(text: str) -> Where:
    """Reads what people write.

    Args:
        text: an id, a position, `TOPIC/PARTITION/OFFSET`, `TOPIC.PARTITION:OFFSET` or `STREAM@VERSION`.

    Raises:
        InvalidRequest: it is none of these.
    """
    if _POSITION.fullmatch(text):
        return LOG, int(text)
    if found := _IN_TOPIC.fullmatch(text):
        return Lane("partition", topic_of(found[1]), int(found[2])), int(found[3])
    if found := _IN_STREAM.fullmatch(text):
        return Lane("stream", stream_of(found[1])), int(found[2])
    try:
        return UUID(text)
    except ValueError:
        raise InvalidRequest(
            f"{text!r} names no event: write its id, its position, TOPIC/PARTITION/OFFSET or STREAM@VERSION."
        ) from None


async def find(search: Search, where: Where) -> Recorded:
    """The event there.

    Raises:
        NotFound: there is none.
    """
    found = await (search.by_id(where) if isinstance(where, UUID) else search.at(*where))
    if found is None:
        raise NotFound(f"There is no such event; the log has {await search.head()}.")
    return found
