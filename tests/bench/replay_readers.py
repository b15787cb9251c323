"""What readers notice of a replay: the same reads at the same modest rate before it and while it builds beside them.

The whole system runs, over HTTP, as `mimo up` starts it. Half of the reads are of courses at random, nearly always
from the database; half are of the latest messages of a few channels, mostly from the cache. A read's time counts from
when it was due, so that one slow answer does not hide that others waited behind it.
"""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Event
from random import Random
from statistics import median
from uuid import UUID

import uvloop

from projectors.views.messages import Messages
from tests.bench.api_client import ApiClient
from tests.bench.cluster import Cluster
from tests.bench.effort import Effort
from tests.bench.measure import Pairs, percentile
from tests.bench.mimo_design import running_mimo
from tests.bench.replayed import replayed
from tests.bench.school import School, SchoolSize
from tests.bench.table import Table

READERS = 8
READS_A_SECOND = 200
PAGE = 20
SIZE = SchoolSize(users=8, courses=8, messages_per_channel=70)
TARGET = "≤ 2"
LONGEST_START_SECONDS = LONGEST_END_SECONDS = 30


def read_steadily(
    school: School, courses: Sequence[UUID], started: Event, ended: Event, found: Queue[list[float]]
) -> None:
    """The whole of a process of readers: milliseconds of each read, in the end."""
    milliseconds: list[float] = []

    def reader(number: int) -> None:
        client, chance = ApiClient(school.queries, school.tokens[number % len(school.tokens)]), Random(number)
        due_at = time.perf_counter() + number / READS_A_SECOND
        while not ended.is_set():
            time.sleep(max(0.0, due_at - time.perf_counter()))
            if chance.random() < 0.5:
                client.get(f"/v1/courses/{chance.choice(courses)}")
            else:
                client.get(f"/v1/channels/{chance.choice(school.channel_ids)}/messages?limit={PAGE}")
            milliseconds.append((time.perf_counter() - due_at) * 1000)
            due_at += READERS / READS_A_SECOND

    started.set()
    with ThreadPoolExecutor(READERS) as threads:
        for done in [threads.submit(reader, number) for number in range(READERS)]:
            done.result()
    found.put(milliseconds)


def reading_during(school: School, courses: Sequence[UUID], work: Callable[[], object]) -> list[float]:
    """Milliseconds of the reads while some work is done."""
    context = multiprocessing.get_context("spawn")
    started, ended, found = context.Event(), context.Event(), context.Queue()
    process = context.Process(target=read_steadily, args=(school, courses, started, ended, found), daemon=True)
    process.start()
    started.wait(LONGEST_START_SECONDS)
    try:
        work()
        ended.set()
        milliseconds: list[float] = found.get(timeout=LONGEST_END_SECONDS)
        return milliseconds
    finally:
        process.kill()
        process.join()


def row(before: Sequence[list[float]], during: Sequence[list[float]], share: float, target: str) -> list[str]:
    """One percentile of both."""
    usual, meanwhile = ([percentile(one, share) for one in some] for some in (before, during))
    ratio = Pairs(meanwhile, usual).ratio(float)
    return [f"p{100 * share:g}", f"{median(usual):.1f}", f"{median(meanwhile):.1f}", str(ratio), target]


def measured(cluster: Cluster, url: str, courses: Sequence[UUID], effort: Effort) -> Table:
    """Before and during, in turn."""
    before, during = [], []
    with running_mimo(cluster, SIZE, 1, url=url) as school:
        reading_during(school, courses, lambda: time.sleep(effort.http_seconds))  # warms the processes up
        for _ in range(effort.long_rounds):
            before.append(reading_during(school, courses, lambda: time.sleep(2 * effort.http_seconds)))
            during.append(reading_during(school, courses, lambda: uvloop.run(replayed(url, Messages(), jobs=1))))
    rows = [row(before, during, share, target) for share, target in ((0.5, "–"), (0.99, TARGET))]
    columns = ("reads", "before, ms", "during a replay, ms", "ratio", "target")
    title = f"Reads at {READS_A_SECOND} a second while messages are replayed"
    return Table("replay-readers", title, columns, rows)
