"""How quickly each projection catches up through Kafka, beside the same history straight from the log.

The history is published once by the relay; then a projector process reads it both ways, in turn, into fresh views.
"""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path
from statistics import median

import asyncpg

from infra.kafka.cluster import Cluster as Kafka
from tests.bench import real_history
from tests.bench.cluster import Cluster
from tests.bench.effort import Effort
from tests.bench.measure import Pairs
from tests.bench.processes import DidNotStart, free_port, running
from tests.bench.projections import LONGEST_SECONDS, POLL_SECONDS, catch_up
from tests.bench.table import Table, whole
from tests.kafka import throw_away_broker

_PUBLISHED = "select position from log.relay"
_HEAD = "select max(position) from log.event"


def settings(kafka: Kafka) -> dict[str, str]:
    """What makes a process use the broker."""
    return {"MIMO_KAFKA_BOOTSTRAP": kafka.bootstrap, "MIMO_KAFKA_PREFIX": kafka.prefix}


async def publish(cluster: Cluster, url: str, kafka: Kafka) -> None:
    """Let the relay copy the whole log to the topics, and stop it.

    Raises:
        DidNotStart: it did not in time.
    """
    connection = await asyncpg.connect(url)
    log_file: Path = cluster.folder / "relay.log"
    environment = {"MIMO_DATABASE_URL": url, "MIMO_RELAY_PORT": str(free_port()), **settings(kafka)}
    deadline = time.monotonic() + LONGEST_SECONDS
    try:
        head = await connection.fetchval(_HEAD)
        with running([sys.executable, "-m", "infra.relay"], environment, log_file):
            while await connection.fetchval(_PUBLISHED) < head:
                if time.monotonic() > deadline:
                    raise DidNotStart(f"the relay did not publish {head} events: see {log_file}")
                await asyncio.sleep(POLL_SECONDS)
    finally:
        await connection.close()


async def compare(cluster: Cluster, bootstrap: str, projection: str, effort: Effort) -> list[str]:
    """One row: the same log through Kafka and directly, a fresh copy of the database each time."""
    loaded = await cluster.mimo_database(projection)
    await real_history.load(loaded, projection, effort.replayed_events)
    kafka = Kafka(bootstrap, prefix=f"{projection}.")
    await publish(cluster, loaded, kafka)
    through, direct = [], []
    for _ in range(effort.long_rounds):
        async with cluster.clone(loaded) as url:
            through.append(await catch_up(cluster, url, projection, more=settings(kafka)))
        async with cluster.clone(loaded) as url:
            direct.append(await catch_up(cluster, url, projection))
    return [projection, whole(median(through)), whole(median(direct)), str(Pairs(through, direct).ratio(float))]


async def run(cluster: Cluster, effort: Effort) -> list[Table]:
    """Measure every projection."""
    with throw_away_broker() as broker:
        rows = [await compare(cluster, broker.bootstrap, projection, effort) for projection in real_history.KINDS]
    title = f"Projections catching up with {effort.replayed_events:,} events, one process"
    return [Table("projections-kafka", title, ("projection", "through Kafka /s", "from the log /s", "ratio"), rows)]
