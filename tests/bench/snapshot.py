"""Single appends while somebody holds an old snapshot, beside the same appends without one.

A counter row that every append updates would get slower and slower here; that is what this keeps watch over.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from uuid import UUID

import asyncpg

from events.ports import Append
from infra.ids import new_id
from tests.bench.cluster import Cluster
from tests.bench.effort import Effort
from tests.bench.log_workload import LogSchool, log_school
from tests.bench.measure import Pairs
from tests.bench.table import Table

CHUNKS = 10
ENROLMENT_EVERY = 10
SEATS = 1_000_000
TARGET = "≤ 1.2"


def commands(school: LogSchool, course_id: UUID) -> Iterator[Append]:
    """Messages, and every so often somebody who takes a counted seat, without end."""
    while True:
        for _ in range(ENROLMENT_EVERY - 1):
            yield school.message()
        yield school.enrol(course_id, new_id())


async def milliseconds_each(school: LogSchool, source: Iterator[Append], count: int) -> float:
    """Append one command after the other; the mean milliseconds of one."""
    started = time.perf_counter()
    for _ in range(count):
        await school.store.append(next(source))
    return (time.perf_counter() - started) * 1000 / count


async def hold_snapshot(url: str) -> asyncpg.Connection:
    """Open a REPEATABLE READ transaction that has seen the log, and leave it open."""
    connection = await asyncpg.connect(url)
    await connection.execute("begin isolation level repeatable read")
    await connection.fetch("select count(*) from log.event")
    return connection


async def run(cluster: Cluster, effort: Effort) -> list[Table]:
    """Append in chunks to a log with a held snapshot and to one without, in turn."""
    held_url, free_url = await cluster.mimo_database("held"), await cluster.mimo_database("free")
    held, free = [], []
    async with log_school(held_url) as under, log_school(free_url) as beside:
        sources = [(s, commands(s, await s.open_course(SEATS))) for s in (under, beside)]
        snapshot = await hold_snapshot(held_url)
        for _ in range(CHUNKS):
            held.append(await milliseconds_each(*sources[0], effort.snapshot_appends // CHUNKS))
            free.append(await milliseconds_each(*sources[1], effort.snapshot_appends // CHUNKS))
        await snapshot.close()
    ratio = Pairs(held, free)
    last = Pairs(held[-CHUNKS // 4 :], free[-CHUNKS // 4 :])
    row = [
        f"{effort.snapshot_appends:,}",
        f"{sum(free) / CHUNKS:.2f}",
        f"{sum(held) / CHUNKS:.2f}",
        str(ratio.ratio(float)),
        str(last.ratio(float)),
        TARGET,
    ]
    columns = ("appends", "without, ms", "with snapshot, ms", "ratio", "ratio, last quarter", "target")
    return [Table("snapshot", "Appends under a held snapshot, one at a time", columns, [row])]
