"""`python -m tests.bench.growth`: what an append and reading the tail cost in a long history and in a short one.

Takes about a quarter of an hour and 40 GB in the temporary folder, so it is not part of `make bench`. Appends are
measured twice: right after a checkpoint, when PostgreSQL writes every page that it touches into the WAL as a whole (the
worst moment, and in a long history nearly every event touches another page); and over a million events, checkpoints
included.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from uuid import UUID

import asyncpg
import uvloop

from events.bookmark import Place
from events.messages import TOPIC
from events.partition import DEFAULT_PARTITIONS
from events.ports import Reached
from infra.event_log.reader import PostgresReader
from infra.ids import new_id
from tests.bench.append import events_per_second
from tests.bench.cluster import Cluster, throw_away_cluster
from tests.bench.history import load_history
from tests.bench.log_workload import LogSchool, append_all, log_school
from tests.bench.measure import Pairs
from tests.bench.table import Table

STREAMS = 200_000
SHORT_EVENTS = 1_000_000
LONG_EVENTS = 20_000_000
ROUNDS = 7
SECONDS = 1.5
TAIL_BATCH_EVENTS = 1_000
LAPS = 20
EVENTS_A_LAP = 50_000
BATCH_EVENTS = 100
TARGET = "≤ 1.5"
ENDS = """
select p.partition, (
    select max(e."offset") from log.event e where e.topic = $1 and e.partition = p.partition) as "offset"
from log.installation i, generate_series(0, i.partitions - 1) p (partition)"""


@dataclass
class History:
    """One log and what it cost, round by round, in microseconds an event."""

    school: LogSchool
    connection: asyncpg.Connection
    single: list[float] = field(default_factory=list)
    batched: list[float] = field(default_factory=list)
    sustained: list[float] = field(default_factory=list)
    tail: list[float] = field(default_factory=list)
    wal_bytes: list[float] = field(default_factory=list)

    async def measure(self) -> None:
        """One round right after the checkpoint: single appends and batches of 100."""
        self.single.append(await self._append(1))
        before, appended_before = await self._wal(), await self._last()
        self.batched.append(await self._append(BATCH_EVENTS))
        self.wal_bytes.append((await self._wal() - before) / (await self._last() - appended_before))

    async def lap(self) -> None:
        """One of the laps that make up a million events, and a follower that reads what it appended."""
        left_off, used = await self._ends(), 0.0
        for _ in range(EVENTS_A_LAP // BATCH_EVENTS):
            commands = [self.school.message() for _ in range(BATCH_EVENTS)]
            started = time.perf_counter()
            await append_all(self.school.store, commands)
            used += time.perf_counter() - started
        self.sustained.append(used * 1e6 / EVENTS_A_LAP)
        self.tail.append(await self._tail(left_off))

    async def _append(self, size: int) -> float:
        rate = await events_per_second(
            size,
            SECONDS,
            lambda: [self.school.message() for _ in range(size)],
            lambda commands: append_all(self.school.store, commands),
        )
        return 1e6 / rate

    async def _tail(self, left_off: Mapping[Place, int]) -> float:
        """What the production reader takes to come back to its checkpoints and read on to the end."""
        started, events = time.perf_counter(), 0
        reader = PostgresReader(self.connection, (TOPIC,), TAIL_BATCH_EVENTS)
        await reader.start(frozenset(range(DEFAULT_PARTITIONS)), Reached(left_off))
        while True:
            batch, caught_up = await reader.read()
            events += len(batch.events) if batch else 0
            if caught_up:
                return (time.perf_counter() - started) * 1e6 / events

    async def _ends(self) -> Mapping[Place, int]:
        return {(TOPIC, row["partition"]): row["offset"] for row in await self.connection.fetch(ENDS, TOPIC)}

    async def _last(self) -> int:
        return int(await self.connection.fetchval("select max(position) from log.event"))

    async def _wal(self) -> int:
        return int(await self.connection.fetchval("select pg_current_wal_lsn() - '0/0'::pg_lsn"))


async def open_history(stack: AsyncExitStack, cluster: Cluster, channels: Sequence[UUID], events: int) -> History:
    """Load a history and open everything that measuring needs."""
    url = await cluster.mimo_database(f"history_{events}")
    started = time.monotonic()
    await load_history(url, channels, events)
    print(f"loaded {events:,} events in {time.monotonic() - started:.0f} s", flush=True)
    school = await stack.enter_async_context(log_school(url, channels))
    connection = await asyncpg.connect(url)
    stack.push_async_callback(connection.close)
    return History(school, connection)


def middle(values: Sequence[float]) -> float:
    """The median."""
    return sorted(values)[len(values) // 2]


def row(name: str, unit: str, short: Sequence[float], long: Sequence[float], target: str) -> list[str]:
    """One line of the table."""
    ratio = Pairs(long, short).ratio(float)
    return [name, unit, f"{middle(short):,.1f}", f"{middle(long):,.1f}", str(ratio), target]


async def run(cluster: Cluster, long_events: int, short_events: int, streams: int) -> Table:
    """Load both histories and measure them in turn."""
    channels = [new_id() for _ in range(streams)]
    async with AsyncExitStack() as stack:
        short = await open_history(stack, cluster, channels, short_events)
        long = await open_history(stack, cluster, channels, long_events)
        for _ in range(ROUNDS + 1):
            await short.measure()
            await long.measure()
        for history in (short, long):  # the first round warms caches and plans
            for figures in (history.single, history.batched, history.wal_bytes):
                figures.pop(0)
        for _ in range(LAPS):
            await short.lap()
            await long.lap()
    rows = [
        row("append, one at a time", "µs", short.single, long.single, TARGET),
        row("append, 100 a batch, right after a checkpoint", "µs an event", short.batched, long.batched, TARGET),
        row("append, 100 a batch, over a million events", "µs an event", short.sustained, long.sustained, TARGET),
        row(f"follow the tail, {TAIL_BATCH_EVENTS:,} a batch", "µs an event", short.tail, long.tail, TARGET),
        row("WAL, 100 a batch, right after a checkpoint", "bytes an event", short.wal_bytes, long.wal_bytes, "–"),
    ]
    columns = ("what", "unit", f"{short_events:,} events", f"{long_events:,} events", "ratio", "target")
    return Table("growth", f"Growth, {streams:,} streams", columns, rows)


def main(arguments: list[str]) -> int:
    """Measure, print, and write into docs/performance.md when told to."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.growth", description=__doc__.splitlines()[0])
    parser.add_argument("--events", type=int, default=LONG_EVENTS, help="of the long history")
    parser.add_argument("--short-events", type=int, default=SHORT_EVENTS)
    parser.add_argument("--streams", type=int, default=STREAMS)
    parser.add_argument("--write", action="store_true", help="put the table into docs/performance.md")
    options = parser.parse_args(arguments)
    with throw_away_cluster() as cluster:
        table = uvloop.run(run(cluster, options.events, options.short_events, options.streams))
    table.show()
    if options.write:
        table.write_into_document()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
