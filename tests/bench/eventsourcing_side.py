"""The Python library `eventsourcing` (9.5) beside our event store, on the same PostgreSQL server.

Its application recorder is used directly, with events already encoded: its own fastest way to store one.
Ours takes event objects through the whole path with all rules.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import count
from statistics import median
from urllib.parse import urlsplit
from uuid import uuid4

from eventsourcing.persistence import StoredEvent
from eventsourcing.postgres import PostgresApplicationRecorder, PostgresDatastore

from tests.bench.cluster import Cluster
from tests.bench.effort import Effort
from tests.bench.log_workload import LogSchool, log_school
from tests.bench.measure import Pairs
from tests.bench.school import TEXT
from tests.bench.table import Table, whole

TARGETS = {1: "≥ 1", 64: "≥ 8"}
STATE = (f'{{"channel_id":"{uuid4()}","author_id":"{uuid4()}","text":"{TEXT}"}}').encode()


@contextmanager
def recorder(url: str, connections: int) -> Iterator[PostgresApplicationRecorder]:
    """Open the library's recorder on an empty database, with its database functions (its faster way)."""
    parts = urlsplit(url)
    datastore = PostgresDatastore(
        dbname=parts.path.lstrip("/"),
        host=str(parts.hostname),
        port=int(parts.port or 5432),
        user=str(parts.username),
        password=str(parts.password),
        pool_size=connections,
        enable_db_functions=True,
    )
    try:
        opened = PostgresApplicationRecorder(datastore)
        opened.create_table()
        yield opened
    finally:
        datastore.close()


def append_until(deadline: float, target: PostgresApplicationRecorder) -> int:
    """Insert one event after the other into a stream of its own until the deadline; how many."""
    stream = uuid4()
    for version in count(1):
        target.insert_events([StoredEvent(stream, version, "tests.bench:MessageSent", STATE)])
        if time.perf_counter() >= deadline:
            return version
    raise AssertionError


def theirs(target: PostgresApplicationRecorder, clients: int, seconds: float) -> float:
    """Events per second of that many threads."""
    started = time.perf_counter()
    with ThreadPoolExecutor(clients) as threads:
        ends = [threads.submit(append_until, started + seconds, target) for _ in range(clients)]
        appended = sum(end.result() for end in ends)
    return appended / (time.perf_counter() - started)


async def ours(school: LogSchool, clients: int, seconds: float) -> float:
    """Events per second of that many tasks through one event store."""
    started = time.perf_counter()

    async def client() -> int:
        for appended in count(1):
            await school.store.append(school.message())
            if time.perf_counter() >= started + seconds:
                return appended
        raise AssertionError

    appended = sum(await asyncio.gather(*(client() for _ in range(clients))))
    return appended / (time.perf_counter() - started)


async def run(cluster: Cluster, effort: Effort) -> list[Table]:
    """Compare one appender and 64 concurrent ones."""
    rows = []
    seconds = effort.log_seconds * 2
    async with log_school(await cluster.mimo_database("ours")) as school:
        for clients, target in TARGETS.items():
            with recorder(await cluster.empty_database("theirs"), clients) as library:
                mine, other = [], []
                for _ in range(effort.rounds):
                    mine.append(await ours(school, clients, seconds))
                    other.append(await asyncio.to_thread(theirs, library, clients, seconds))
            ratio = Pairs(mine, other).ratio(float)
            rows.append([str(clients), whole(median(other)), whole(median(mine)), str(ratio), target])
    columns = ("appenders", "eventsourcing /s", "event store /s", "ratio", "target")
    return [Table("eventsourcing", "Beside Python eventsourcing 9.5, events per second", columns, rows)]
