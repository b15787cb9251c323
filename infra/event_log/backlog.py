"""Reads what was in the log when somebody far behind began to catch up: a long page of one partition after the other.

So it looks only at events that are wanted, while positions lead through the whole log; and a batch of one partition
changes a few rows often (counters of its keys), not very many rows once, which spares whoever applies it. The partition
that is furthest behind is next, so pages of the table that were just read serve the others. It must not know who is far
behind.
"""

from __future__ import annotations

from collections.abc import Mapping

import asyncpg

from events.bookmark import Place
from events.errors import BrokenLog
from events.recorded import Recorded
from infra.event_log import tail


class Backlog:
    """What is to be read.

    Args:
        connection: nobody else uses it.
        head: a position; all events up to it are read with these.
        upto: the last offset of each partition.
        batch_size: the most events at a time; fewer when they are large.
    """

    def __init__(self, connection: asyncpg.Connection, head: int, upto: Mapping[Place, int], batch_size: int) -> None:
        self.head = head
        self._connection = connection
        self._upto = upto
        self._batch_size = batch_size
        self._positions = dict.fromkeys(upto, 0)

    async def read(self, following: Mapping[Place, int]) -> list[Recorded]:
        """The next events of one partition; none when all of them are at their ends.

        Args:
            following: the next offset of each partition.

        Raises:
            BrokenLog: the log has lost its end meanwhile.
        """
        left = [place for place, upto in self._upto.items() if following[place] <= upto]
        if not left:
            return []
        place = min(left, key=self._positions.__getitem__)
        after, upto = following[place] - 1, self._upto[place]
        events = await tail.page(self._connection, place, after, upto, self._batch_size)
        if not events:
            raise BrokenLog(f"{place[0]}.{place[1]}: the log had offsets up to {upto} and has none after {after} now.")
        self._positions[place] = events[-1].position
        return events
