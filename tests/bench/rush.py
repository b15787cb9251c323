"""The rush: 5,000 people want one of 300 seats at once, through the event store."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Iterator
from statistics import median
from uuid import UUID

from events.errors import Refused
from infra.ids import new_id
from tests.bench.cluster import Cluster
from tests.bench.effort import Effort
from tests.bench.log_workload import LogSchool, log_school
from tests.bench.table import Table, whole

SEATS = 300
TAKERS = 5_000
CLIENTS = (64, 256, 1_000)


class WrongOutcome(Exception):
    """More or fewer people got a seat than there are."""


async def one_client(school: LogSchool, course_id: UUID, people: Iterator[int]) -> Counter[str]:
    """Enrol one person after the other until nobody is left; count the outcomes."""
    outcomes: Counter[str] = Counter()
    for _ in people:
        try:
            await school.store.append(school.enrol(course_id, new_id()))
            outcomes["enrolled"] += 1
        except Refused as refused:
            outcomes[refused.reason] += 1
    return outcomes


async def rush(school: LogSchool, clients: int) -> float:
    """Commands per second of one rush with that many clients at a time.

    Raises:
        WrongOutcome: not exactly SEATS people got a seat, or others were refused for another reason than `full`.
    """
    course_id = await school.open_course(SEATS)
    people = iter(range(TAKERS))
    started = time.perf_counter()
    counted = await asyncio.gather(*(one_client(school, course_id, people) for _ in range(clients)))
    seconds = time.perf_counter() - started
    outcomes = sum(counted, Counter())
    if outcomes != {"enrolled": SEATS, "full": TAKERS - SEATS}:
        raise WrongOutcome(f"{TAKERS} people for {SEATS} seats: {dict(outcomes)}")
    return TAKERS / seconds


async def run(cluster: Cluster, effort: Effort) -> list[Table]:
    """Measure the rush at several numbers of clients."""
    rows = []
    async with log_school(await cluster.mimo_database("rush")) as school:
        for clients in CLIENTS:
            figures = [await rush(school, clients) for _ in range(effort.rounds)]
            rows.append([str(clients), whole(median(figures)), f"{SEATS} of {TAKERS:,} enrolled, the rest `full`"])
    columns = ("clients", "commands /s", "outcome")
    return [Table("rush", f"The rush: {TAKERS:,} enrolments for {SEATS} seats", columns, rows)]
