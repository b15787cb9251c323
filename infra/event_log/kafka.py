"""The `EventLog` port on the log's topics in Kafka, with the log in PostgreSQL behind them.

Checkpoints are the same as of the log in PostgreSQL, so a subscriber may change from one to the other at any time.
Who reads which partitions is settled in PostgreSQL as well, never by Kafka's consumer groups. It must not know what
subscribers do with events, nor where they keep their checkpoints.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Sequence

import asyncpg

from infra.event_log.followed import FollowedLog
from infra.event_log.follower import POLL_SECONDS, Connect, OpenReader
from infra.event_log.kafka_reader import KafkaReader
from infra.event_log.membership import Pace
from infra.kafka import cluster as kafka
from infra.kafka.cluster import Cluster
from infra.postgres import AWAY


class KafkaLog(FollowedLog):
    """Implements `events.ports.EventLog`; "the log" that one catches up with is what is in the topics.

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
        super().__init__(connect, (*AWAY, *kafka.AWAY), pace=pace, poll_seconds=poll_seconds)
        self._cluster = cluster

    @contextlib.asynccontextmanager
    async def _source(self, topics: Sequence[str], batch_size: int) -> AsyncIterator[OpenReader]:
        def opened(connection: asyncpg.Connection) -> KafkaReader:
            return KafkaReader(connection, self._cluster, topics, batch_size)

        yield opened
