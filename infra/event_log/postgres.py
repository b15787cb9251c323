"""The `EventLog` port on the log in PostgreSQL: pulls, and lets NOTIFY wake the next pull.

It must not know what subscribers do with events, nor where they keep their checkpoints.
"""

from __future__ import annotations

import contextlib
import random
from collections.abc import AsyncIterator, Sequence

import asyncpg

from infra.event_log.followed import FollowedLog
from infra.event_log.follower import POLL_SECONDS, Connect, OpenReader
from infra.event_log.membership import Pace
from infra.event_log.pulse import Pulse
from infra.event_log.reader import PostgresReader
from infra.postgres import AWAY


class PostgresLog(FollowedLog):
    """Implements `events.ports.EventLog`.

    Args:
        connect: opens a connection whose role may read `log.tail`; each follower holds one, a group's member two, and
            one more listens for all of them.
        pace: of the heartbeat by which the members of a group know one another.
        poll_seconds: how long to wait at the end of the log when nothing notifies.
        shuffle: mixes partitions at random within each batch; for tests.
    """

    def __init__(
        self,
        connect: Connect,
        *,
        pace: Pace | None = None,
        poll_seconds: float = POLL_SECONDS,
        shuffle: random.Random | None = None,
    ) -> None:
        super().__init__(connect, AWAY, pace=pace, poll_seconds=poll_seconds)
        self._shuffle = shuffle
        self._pulse = Pulse(connect, poll_seconds)

    @contextlib.asynccontextmanager
    async def _source(self, topics: Sequence[str], batch_size: int) -> AsyncIterator[OpenReader]:
        source = _Source(topics, batch_size, self._shuffle)
        async with self._pulse.heard(topics, source.tell):
            yield source.open


class _Source:
    """Opens one follower's readers, one after the other, and hands the news to the latest."""

    def __init__(self, topics: Sequence[str], batch_size: int, shuffle: random.Random | None) -> None:
        self._topics, self._batch_size, self._shuffle = tuple(topics), batch_size, shuffle
        self._reader: PostgresReader | None = None

    def open(self, connection: asyncpg.Connection) -> PostgresReader:
        self._reader = PostgresReader(connection, self._topics, self._batch_size, self._shuffle)
        return self._reader

    def tell(self, head: int) -> None:
        """There is something new up to this position."""
        if self._reader is not None:
            self._reader.tell(head)
