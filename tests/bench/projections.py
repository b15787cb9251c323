"""How quickly each projection catches up with a long history, beside COPY of the result into the same tables.

The projector process is started as in production; the clock runs from the first checkpoint that moves to the last.
"""

from __future__ import annotations

import asyncio
import io
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import asyncpg

from tests.bench import real_history
from tests.bench.cluster import Cluster
from tests.bench.effort import Effort
from tests.bench.measure import Pairs
from tests.bench.processes import DidNotStart, free_port, running
from tests.bench.table import Table, whole

POLL_SECONDS = 0.005
LONGEST_SECONDS = 60
TARGET = "≥ 0.3, promise 0.5"

APPLIED = """
select coalesce(sum(c."offset"), 0)::bigint from projection.checkpoint c where c.projection = $1"""
TABLES = """
select schemaname as schema, tablename as name from pg_tables
where schemaname like $1 order by tablename"""

COPIED_COLUMNS = """
select array_agg(attname::text order by attnum) from pg_attribute
where attrelid = 'public.copied'::regclass and attnum > 0 and not attisdropped and attgenerated = ''"""


class Progress:
    """Watches how many events a projection has applied."""

    def __init__(self, connection: asyncpg.Connection, projection: str, log_file: Path) -> None:
        self._connection, self._projection, self._log_file = connection, projection, log_file

    async def applied(self) -> int:
        """How many events so far."""
        return int(await self._connection.fetchval(APPLIED, self._projection))

    async def rate_until(self, events: int, deadline: float) -> float:
        """Events per second between the first progress and all of them.

        Raises:
            DidNotStart: it did not get there before the deadline (of time.monotonic).
        """
        while (first := await self.applied()) == 0:
            await self._pause(deadline)
        started = time.perf_counter()
        while await self.applied() < events:
            await self._pause(deadline)
        return (events - first) / (time.perf_counter() - started)

    async def _pause(self, deadline: float) -> None:
        if time.monotonic() > deadline:
            told = self._log_file.read_text()[-2000:]
            raise DidNotStart(
                f"{self._projection} applied {await self.applied()} events in {LONGEST_SECONDS} s:\n{told}"
            )
        await asyncio.sleep(POLL_SECONDS)


async def catch_up(
    cluster: Cluster, url: str, projection: str, workers: int = 1, more: Mapping[str, str] | None = None
) -> float:
    """Start projector processes on a loaded log and stop them when they have caught up.

    Args:
        cluster: for the folder.
        url: the database.
        projection: which one to watch.
        workers: how many processes.
        more: settings beside.

    Returns:
        Events per second.
    """
    connection = await asyncpg.connect(url)
    environment = {
        "MIMO_DATABASE_URL": url,
        "MIMO_DATA": str(cluster.folder / "mimo-data"),
        "MIMO_PROJECTOR_PORT": str(free_port()),
        "MIMO_PROJECTOR_WORKERS": str(workers),
        **(more or {}),
    }
    try:
        events = int(await connection.fetchval("select count(*) from log.event"))
        log_file = cluster.folder / "projectors.log"
        with running([sys.executable, "-m", "projectors"], environment, log_file):
            progress = Progress(connection, projection, log_file)
            return await progress.rate_until(events, time.monotonic() + LONGEST_SECONDS)
    finally:
        await connection.close()


@dataclass
class Copied:
    """What COPY of a projection's finished tables took."""

    rows: int = 0
    from_rows_seconds: float = 0.0
    from_bytes_seconds: float = 0.0

    @property
    def rows_per_second(self) -> float:
        """Rows of the largest table per second of copying all tables, from Python rows."""
        return self.rows / self.from_rows_seconds

    @property
    def ready_rows_per_second(self) -> float:
        """The same from bytes that were ready to send."""
        return self.rows / self.from_bytes_seconds


async def copy_again(url: str, schema: str) -> Copied:
    """COPY the finished tables into empty ones of the same make, indexes included.

    Once from rows of Python objects, as any Python program has to send them, and once from ready bytes.

    Args:
        url: the database.
        schema: where the finished tables are, as a pattern of LIKE.
    """
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("set synchronous_commit = off")  # as the projector does
        copied = Copied()
        for table in await connection.fetch(TABLES, schema):
            await copy_table(connection, table["schema"], table["name"], copied)
    finally:
        await connection.close()
    return copied


async def copy_table(connection: asyncpg.Connection, schema: str, name: str, copied: Copied) -> None:
    """COPY one table both ways, and add up what it took."""
    await connection.execute(f'create table public.copied (like "{schema}"."{name}" including all)')
    columns = await connection.fetchval(COPIED_COLUMNS)
    content = io.BytesIO()
    await connection.copy_from_table(name, schema_name=schema, columns=columns, output=content, format="binary")
    content.seek(0)
    started = time.perf_counter()
    await connection.copy_to_table("copied", columns=columns, source=content, format="binary")
    copied.from_bytes_seconds += time.perf_counter() - started
    names = ", ".join(f'"{column}"' for column in columns)
    rows = await connection.fetch(f"select {names} from public.copied")
    await connection.execute("truncate public.copied")
    started = time.perf_counter()
    await connection.copy_records_to_table("copied", columns=columns, records=rows)
    copied.from_rows_seconds += time.perf_counter() - started
    copied.rows = max(copied.rows, len(rows))
    await connection.execute("drop table public.copied")


async def compare(cluster: Cluster, projection: str, effort: Effort) -> list[str]:
    """One row: a fresh copy of the same log for each round."""
    loaded = await cluster.mimo_database(projection)
    await real_history.load(loaded, projection, effort.replayed_events)
    alone, together, copies = [], [], []
    for _ in range(effort.long_rounds):
        async with cluster.clone(loaded) as url:
            together.append(await catch_up(cluster, url, projection, workers=2))
        async with cluster.clone(loaded) as url:
            alone.append(await catch_up(cluster, url, projection, workers=1))
            copies.append(await copy_again(url, f"{projection}\\_v%"))
    copy_rows = [copied.rows_per_second for copied in copies]
    return [
        projection,
        whole(median(alone)),
        whole(median(together)),
        whole(median(copy_rows)),
        str(Pairs(alone, copy_rows).ratio(float)),
        str(Pairs(together, copy_rows).ratio(float)),
        TARGET,
        whole(median([copied.ready_rows_per_second for copied in copies])),
    ]


async def run(cluster: Cluster, effort: Effort) -> list[Table]:
    """Measure every projection."""
    rows = [await compare(cluster, projection, effort) for projection in real_history.KINDS]
    columns = (
        "projection", "one process /s", "two /s", "COPY of rows /s", "share of one", "share of two", "target",
        "COPY of ready bytes /s",
    )  # fmt: skip
    title = f"Projections catching up with {effort.replayed_events:,} events"
    return [Table("projections", title, columns, rows)]
