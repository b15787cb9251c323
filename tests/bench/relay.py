"""How quickly the relay catches up, beside what its Kafka client can do at most and beside merely reading the log.

All three take the same events in batches of the same size, in this process, in turn. The client's side gets its
records encoded beforehand; what is left is sending them in transactions.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial
from statistics import median
from uuid import UUID

import asyncpg

from events.bookmark import Place
from events.catalog import TOPICS
from events.cloudevents import history_header
from events.partition import DEFAULT_PARTITIONS
from events.recorded import Recorded
from infra.calm import COLLECTION_THRESHOLDS
from infra.kafka.cluster import Cluster as Kafka
from infra.kafka.topics import delete_topics, ensure_topics
from infra.postgres import Role, connect
from infra.relay.ends import read_ends
from infra.relay.progress import Progress
from infra.relay.publisher import KafkaPublisher, Packed
from infra.relay.relay import Relay
from infra.relay.source import MOST_EVENTS, source
from tests.bench import real_history
from tests.bench.cluster import Cluster
from tests.bench.effort import Effort
from tests.bench.measure import Pairs
from tests.bench.processes import DidNotStart
from tests.bench.table import Table, whole
from tests.kafka import throw_away_broker

LONGEST_SECONDS = 120
HISTORIES = ("messages", "enrollments")
TARGET = "≥ 40,000"
PLACES = [(topic, number) for topic in TOPICS for number in range(DEFAULT_PARTITIONS)]


class Stopwatch(Progress):
    """Measures from the moment that the relay begins to copy to its last transaction."""

    def __init__(self) -> None:
        super().__init__()
        self.events = 0
        self.began = self.ended = 0.0

    def active(self) -> None:
        """It begins."""
        super().active()
        self.began = time.perf_counter()

    def published(self, events: int, seconds: float) -> None:
        """A transaction was committed."""
        super().published(events, seconds)
        self.events += events
        self.ended = time.perf_counter()

    @property
    def rate(self) -> float:
        """Events per second."""
        return self.events / (self.ended - self.began)


class Trial:
    """One history, and topics that are empty at the beginning of each measurement.

    Args:
        url: the loaded log.
        kafka: where the topics are.
    """

    def __init__(self, url: str, kafka: Kafka) -> None:
        self._kafka = kafka
        self._connect = partial(connect, url, application="bench-relay", role=Role.RELAY)

    async def relay(self, events: int) -> float:
        """The whole relay; events per second."""
        async with self._empty_topics():
            watch = Stopwatch()
            running = asyncio.create_task(Relay(self._connect, self._kafka, TOPICS, watch).run())
            deadline = time.monotonic() + LONGEST_SECONDS
            try:
                while watch.events < events:
                    if time.monotonic() > deadline or running.done():
                        raise DidNotStart(f"the relay published {watch.events} of {events} events: {watch.unready()}")
                    await asyncio.sleep(0.005)
            finally:
                running.cancel()
                with suppress(asyncio.CancelledError):
                    await running
        return watch.rate

    async def client(self, batches: Sequence[Sequence[Recorded]], log_id: bytes) -> float:
        """Only the client, with records encoded beforehand; events per second."""
        async with self._empty_topics():
            known: dict[Place, int] = dict.fromkeys(PLACES, 0)
            publisher = KafkaPublisher(self._kafka, known)
            try:
                await publisher.start()
                packed: list[Packed] = [publisher.pack(events, log_id) for events in batches]
                await publisher.publish(packed.pop(0))  # which also makes it know the cluster
                began = time.perf_counter()
                for batch in packed:
                    await publisher.publish(batch)
                return sum(batch.events for batch in packed) / (time.perf_counter() - began)
            finally:
                await publisher.drop()

    async def read(self) -> tuple[float, list[list[Recorded]]]:
        """Only reading the log; events per second, and the batches."""
        async with source(self._connect) as log:
            await log.start(dict.fromkeys(PLACES, 0))
            batches = []
            began = time.perf_counter()
            while not log.at_end:
                batches.append((await log.read())[1])
            seconds = time.perf_counter() - began
        return sum(map(len, batches)) / seconds, [batch for batch in batches if batch]

    async def log_id(self) -> bytes:
        """The history's id as records carry it."""
        connection: asyncpg.Connection = await self._connect()
        try:
            log_id: UUID = await connection.fetchval("select log_id from log.installation")
            return history_header(log_id)
        finally:
            await connection.close()

    @asynccontextmanager
    async def _empty_topics(self) -> AsyncIterator[None]:
        await ensure_topics(self._kafka, TOPICS, DEFAULT_PARTITIONS)
        await read_ends(self._kafka, PLACES)  # they have leaders now
        gc.collect()
        gc.freeze()
        try:
            yield
        finally:
            gc.unfreeze()
            await delete_topics(self._kafka, TOPICS)


async def compare(cluster: Cluster, bootstrap: str, history: str, effort: Effort) -> list[str]:
    """One row."""
    url = await cluster.mimo_database(f"relay_{history}")
    await real_history.load(url, history, effort.replayed_events)
    relays, clients, reads = [], [], []
    for number in range(effort.long_rounds):
        trial = Trial(url, Kafka(bootstrap, prefix=f"{history}-{number}."))
        rate, batches = await trial.read()
        reads.append(rate)
        clients.append(await trial.client(batches, await trial.log_id()))
        relays.append(await trial.relay(sum(map(len, batches))))
    return [
        history,
        whole(median(relays)),
        TARGET,
        whole(median(clients)),
        str(Pairs(relays, clients).ratio(float)),
        whole(median(reads)),
    ]


async def run(cluster: Cluster, effort: Effort) -> list[Table]:
    """Measure both histories."""
    thresholds = gc.get_threshold()
    gc.set_threshold(*COLLECTION_THRESHOLDS)  # as in production
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    try:
        with throw_away_broker() as broker:
            rows = [await compare(cluster, broker.bootstrap, history, effort) for history in HISTORIES]
    finally:
        gc.set_threshold(*thresholds)
    columns = ("history", "relay /s", "target", "client alone /s", "share of it", "reading alone /s")
    title = f"The relay catching up with {effort.replayed_events:,} events, up to {MOST_EVENTS:,} a transaction"
    return [Table("relay", title, columns, rows)]
