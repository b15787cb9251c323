"""The `EventLog` port on the log's topics in Kafka, with the log in PostgreSQL behind them.

Checkpoints are the same as of the log in PostgreSQL, so a subscriber may change from one to the other at any time.
Who reads which partitions is settled in PostgreSQL as well, never by Kafka's consumer groups. It must not know what
subscribers do with events, nor where they keep their checkpoints.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from functools import partial

import asyncpg

from events.bookmark import Place
from events.ports import Checkpoints, Item
from infra.event_log import tail
from infra.event_log.follower import DEFAULT_BATCH_EVENTS, POLL_SECONDS, Connect, Follower
from infra.event_log.kafka_reader import KafkaReader
from infra.event_log.membership import Pace
from infra.kafka import cluster as kafka
from infra.kafka.cluster import Cluster
from infra.postgres import AWAY


class KafkaLog:
    """Implements `events.ports.EventLog`.

    Args:
        connect: opens a connection to the log's database, in a role that may read `log.tail` and put dead letters
            aside; each follower holds one, a group's member two.
        cluster: where the topics are.
        pace: of the heartbeat by which the members of a group know one another.
        poll_seconds: how long to wait at most at the end of the topics.
    """

    def __init__(
        self, connect: Connect, cluster: Cluster, *, pace: Pace | None = None, poll_seconds: float = POLL_SECONDS
    ) -> None:
        self._connect = connect
        self._cluster = cluster
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
        """As the port says; "the log" that one catches up with is what is in the topics.

        Raises (from the iterator):
            BrokenLog: the topics are of another history or hold what the log does not, or a checkpoint does.
        """
        follower = Follower(
            self._connect,
            partial(self._open_reader, topics, batch_size),
            checkpoints,
            group,
            pace=self._pace,
            poll_seconds=self._poll_seconds,
            away=(*AWAY, *kafka.AWAY),
        )
        try:
            yield follower
        finally:
            await follower.close()

    async def ends(self, topics: Sequence[str]) -> Mapping[Place, int]:
        """The last offset of every (topic, partition) in the log now; the topics may still be on their way there."""
        connection = await self._connect()
        try:
            return await tail.ends(connection, topics)
        finally:
            connection.terminate()

    def _open_reader(self, topics: Sequence[str], batch_size: int, connection: asyncpg.Connection) -> KafkaReader:
        return KafkaReader(connection, self._cluster, topics, batch_size)
