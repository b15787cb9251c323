"""What every implementation of the `EventLog` port has in common: followers, and where the log ends.

It must not know where events come from, what subscribers do with them, nor where they keep their checkpoints.
"""

from __future__ import annotations

import contextlib
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager

from events.bookmark import Place
from events.ports import Checkpoints, Item
from infra.event_log import tail
from infra.event_log.follower import DEFAULT_BATCH_EVENTS, POLL_SECONDS, Connect, Follower, OpenReader
from infra.event_log.membership import Pace


class FollowedLog(ABC):
    """Implements `events.ports.EventLog`, but for where events are read.

    Args:
        connect: opens a connection whose role may read `log.tail`; each follower holds one, a group's member two.
        away: the errors that mean "try again later".
        pace: of the heartbeat by which the members of a group know one another.
        poll_seconds: how long to wait at the end when nothing tells of news.
    """

    def __init__(
        self,
        connect: Connect,
        away: Sequence[type[Exception]],
        *,
        pace: Pace | None = None,
        poll_seconds: float = POLL_SECONDS,
    ) -> None:
        self._connect = connect
        self._away = away
        self._pace = pace or Pace()
        self._poll_seconds = poll_seconds

    @contextlib.asynccontextmanager
    async def follow(
        self,
        topics: Sequence[str],
        checkpoints: Checkpoints,
        *,
        group: str | None = None,
        batch_size: int = DEFAULT_BATCH_EVENTS,
    ) -> AsyncIterator[AsyncIterator[Item]]:
        """As the port says. At the end it says `CaughtUp` again at every poll.

        Raises (from the iterator):
            BrokenLog: something is missing or of another history, or a checkpoint is.
        """
        async with self._source(topics, batch_size) as open_reader:
            follower = Follower(
                self._connect,
                open_reader,
                checkpoints,
                group,
                pace=self._pace,
                poll_seconds=self._poll_seconds,
                away=self._away,
            )
            try:
                yield follower
            finally:
                await follower.close()

    async def ends(self, topics: Sequence[str]) -> Mapping[Place, int]:
        """The last offset of every (topic, partition) in the log in PostgreSQL now."""
        connection = await self._connect()
        try:
            return await tail.ends(connection, topics)
        finally:
            connection.terminate()

    @abstractmethod
    def _source(self, topics: Sequence[str], batch_size: int) -> AbstractAsyncContextManager[OpenReader]:
        """What opens the readers of one follower, for as long as it follows."""
