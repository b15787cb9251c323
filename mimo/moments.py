"""Where in the log a moment is that somebody writes.

It must not know what is looked for there.
"""

from datetime import UTC, datetime

from infra.event_log.search import searching
from infra.event_log.wanted import Wanted, time_of


async def position_of(url: str, moment: str) -> int:
    """The position of the last event up to a moment; 0: there is none.

    Args:
        url: the database.
        moment: a position, or a time as `mimo events` takes it.

    Raises:
        InvalidRequest: it is neither.
        CannotStart: the database cannot be used.
    """
    async with searching(url) as search:
        if moment.isdecimal():
            return min(int(moment), await search.head())
        bounds = await search.bounds(Wanted(until=time_of(moment, datetime.now(UTC))))
        return bounds.upto
