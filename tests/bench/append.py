"""Batches of commands through `log.append`, beside the bare probe on the same server.

Three ways are timed in turn: the probe; `log.append` with ready arguments (what PostgreSQL alone costs); and the
whole production path from event objects through sealing, encoding and the appender.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import asyncpg

from infra.append_batch import CALL, Prepared, arguments, meta_text
from infra.postgres import Role, connect
from tests.bench.cluster import Cluster
from tests.bench.effort import Effort
from tests.bench.log_workload import LogSchool, append_all, log_school
from tests.bench.measure import Pairs
from tests.bench.table import Table, whole

BATCH_SIZES = (1, 10, 100, 500)
TARGETS = {1: "≥ 0.8", 10: "–", 100: "≥ 0.5", 500: "≥ 0.5"}
PROBE_SQL = Path(__file__).with_name("append_probe.sql")
PROBE_CALL = "select * from probe.append($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"
PROBE_CLAIMS = "insert into probe.claim select scope, key, 'x' from unnest($1::text[], $2::text[]) c (scope, key)"


async def events_per_second(
    batch_size: int, seconds: float, make: Callable[[], Any], store: Callable[[Any], Awaitable[Any]]
) -> float:
    """Store batches until `seconds` are used up; making them is not timed."""
    used, batches = 0.0, 0
    while used < seconds:
        batch = make()
        started = time.perf_counter()
        await store(batch)
        used += time.perf_counter() - started
        batches += 1
    return batches * batch_size / used


def probe_arguments(batch: Sequence[Prepared]) -> list[list[Any]]:
    """The same commands for the probe: same texts, same claim that must be held."""
    rows = [
        (new.id, new.event.stream, None, new.event.contract.name, prepared.data[0],
         meta_text(prepared.command.meta), None, None, *prepared.command.need[0])
        for prepared in batch
        for new in prepared.command.events
    ]  # fmt: skip
    return [list(column) for column in zip(*rows, strict=True)]


class Sides:
    """The three ways to store a batch of messages."""

    def __init__(self, school: LogSchool, log: asyncpg.Connection, probe: asyncpg.Connection) -> None:
        self.school, self.log, self.probe = school, log, probe

    async def bare_probe(self, size: int, seconds: float) -> float:
        """Events per second of the probe."""
        statement = await self.probe.prepare(PROBE_CALL)
        return await events_per_second(
            size, seconds, lambda: probe_arguments(self.school.prepared(size)), lambda a: statement.fetch(*a)
        )

    async def log_append(self, size: int, seconds: float) -> float:
        """Events per second of `log.append` with ready arguments."""
        statement = await self.log.prepare(CALL)
        partitions = self.school.store.partitions
        return await events_per_second(
            size,
            seconds,
            lambda: arguments(self.school.prepared(size), partitions, resend=False),
            lambda a: statement.fetch(*a),
        )

    async def event_store(self, size: int, seconds: float) -> float:
        """Events per second through the event store and its appender."""
        return await events_per_second(
            size,
            seconds,
            lambda: [self.school.message() for _ in range(size)],
            lambda commands: append_all(self.school.store, commands),
        )


async def prepare_probe(url: str, school: LogSchool) -> asyncpg.Connection:
    """Create the probe's tables and give it the claims that the messages need."""
    probe = await asyncpg.connect(url)
    await probe.execute(PROBE_SQL.read_text())
    held = [(f"course/{course}/voices", str(user)) for course in school.courses for user in school.users]
    await probe.execute(PROBE_CLAIMS, [scope for scope, _ in held], [key for _, key in held])
    return probe


async def measure_size(sides: Sides, size: int, effort: Effort) -> list[str]:
    """One row: both of our ways against the probe, round by round."""
    probe, log, store = [], [], []
    for _ in range(effort.rounds):
        probe.append(await sides.bare_probe(size, effort.log_seconds))
        log.append(await sides.log_append(size, effort.log_seconds))
        store.append(await sides.event_store(size, effort.log_seconds))
    return [
        str(size),
        whole(median(probe)),
        whole(median(log)),
        str(Pairs(log, probe).ratio(float)),
        TARGETS[size],
        whole(median(store)),
        str(Pairs(store, probe).ratio(float)),
    ]


async def run(cluster: Cluster, effort: Effort) -> list[Table]:
    """Measure all batch sizes."""
    url = await cluster.mimo_database("append")
    async with log_school(url) as school:
        log = await connect(url, application="mimo-bench-raw", role=Role.COMMAND)
        probe = await prepare_probe(await cluster.empty_database("probe"), school)
        try:
            sides = Sides(school, log, probe)
            rows = [await measure_size(sides, size, effort) for size in BATCH_SIZES]
        finally:
            await log.close()
            await probe.close()
    columns = ("batch", "bare probe /s", "log.append /s", "ratio", "target", "whole path /s", "its ratio")
    return [Table("append", "log.append in batches, events per second", columns, rows)]
