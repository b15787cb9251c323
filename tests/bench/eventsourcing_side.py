"""The Python library `eventsourcing` (9.5) beside our event store, on the same PostgreSQL server.

Its application recorder is used directly, with events already encoded; ours takes event objects through the whole
path with all rules. The library is measured in two ways: as it comes, when it locks its table so that notifications
can be followed in order; and with `enable_db_functions`, which is quicker but takes no lock, so that a reader can
miss events that commit late. The first promises what ours promises.
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
WAYS = {"ordered": False, "not ordered": True}
STATE = (f'{{"channel_id":"{uuid4()}","author_id":"{uuid4()}","text":"{TEXT}"}}').encode()


@contextmanager
def recorder(url: str, connections: int, *, functions: bool) -> Iterator[PostgresApplicationRecorder]:
    """Open the library's recorder on an empty database, as it comes or with its database functions."""
    parts = urlsplit(url)
    datastore = PostgresDatastore(
        dbname=parts.path.lstrip("/"),
        host=str(parts.hostname),
        port=int(parts.port or 5432),
        user=str(parts.username),
        password=str(parts.password),
        pool_size=connections,
        enable_db_functions=functions,
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


async def compare(school: LogSchool, url: str, clients: int, functions: bool, effort: Effort) -> Pairs[float]:
    """Both sides in turn, with that many appenders."""
    mine, other = [], []
    with recorder(url, clients, functions=functions) as library:
        for _ in range(effort.rounds):
            mine.append(await ours(school, clients, effort.log_seconds))
            other.append(await asyncio.to_thread(theirs, library, clients, effort.log_seconds))
    return Pairs(mine, other)


async def run(cluster: Cluster, effort: Effort) -> list[Table]:
    """Compare one appender and 64 concurrent ones."""
    rows = []
    async with log_school(await cluster.mimo_database("ours")) as school:
        for way, functions in WAYS.items():
            for clients, target in TARGETS.items():
                url = await cluster.empty_database("theirs")
                pairs = await compare(school, url, clients, functions, effort)
                figures = (whole(median(pairs.other)), whole(median(pairs.ours)), str(pairs.ratio(float)))
                rows.append([way, str(clients), *figures, "–" if functions else target])
    columns = ("library", "appenders", "eventsourcing /s", "event store /s", "ratio", "target")
    return [Table("eventsourcing", "Beside Python eventsourcing 9.5, events per second", columns, rows)]
