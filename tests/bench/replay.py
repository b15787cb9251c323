"""Replay of a long mixed history: each projection beside COPY of its tables and beside the library `eventsourcing`, and
what readers notice of it.

The log is made once and everything is measured on it. Without readers nothing else runs but the replay.
"""

from __future__ import annotations

import time
from contextlib import aclosing
from dataclasses import dataclass, field
from statistics import median

import uvloop

from projectors.projection import Projection
from projectors.views import PROJECTIONS
from tests.bench import mixed_history, replay_library, replay_readers
from tests.bench.cluster import Cluster
from tests.bench.effort import Effort
from tests.bench.measure import Pairs
from tests.bench.opened import opener_of, recorded
from tests.bench.projections import Copied, copy_again
from tests.bench.replayed import Replayed, replayed
from tests.bench.table import Table, whole

OPENED_EVENTS = 50_000
TARGET = "≥ 0.5"
COLUMNS = (
    "projection", "events", "one process /s", "two /s", "two against one", "share of COPY", "target",
    "of one core's limit", "memory at 10 %, MB", "at the end, MB",
)  # fmt: skip


@dataclass
class Measured:
    """One projection, round by round."""

    one: list[Replayed] = field(default_factory=list)
    two: list[Replayed] = field(default_factory=list)
    copies: list[Copied] = field(default_factory=list)

    def row(self, name: str, opening_seconds: float) -> list[str]:
        """Its line of the table.

        Args:
            name: the projection's.
            opening_seconds: what reading and opening one event takes, alone.
        """
        seconds = [replay.seconds_for_all for replay in self.one]
        copy_seconds = [copied.from_rows_seconds for copied in self.copies]
        events = self.one[0].events
        least = [opening_seconds * events + copy for copy in copy_seconds]
        return [
            name,
            whole(events),
            whole(median(replay.per_second for replay in self.one)),
            whole(median(replay.per_second for replay in self.two)),
            str(Pairs(self.two, self.one).ratio(lambda replay: replay.per_second)),
            str(Pairs(copy_seconds, seconds).ratio(float)),
            TARGET,
            str(Pairs(least, seconds).ratio(float)),
            whole(max(replay.early_bytes for replay in self.one) / 1e6),
            whole(max(replay.late_bytes for replay in self.one) / 1e6),
        ]


async def opening_seconds(url: str, projection: Projection) -> float:
    """What opening one event takes of a Python process's time, the key being at hand."""
    seconds, events = 0.0, 0
    async with opener_of(url, projection) as opener, aclosing(recorded(url, projection)) as batches:
        async for batch in batches:
            await opener.open(batch)
            started = time.process_time()
            await opener.open(batch)
            seconds += time.process_time() - started
            events += len(batch)
            if events >= OPENED_EVENTS:
                break
    return seconds / events


async def compare(url: str, projection: Projection, effort: Effort) -> list[str]:
    """One row: one process and two in turn, then COPY of what came out."""
    measured = Measured()
    for _ in range(effort.long_rounds):
        measured.two.append(await replayed(url, projection, jobs=2))
        measured.one.append(await replayed(url, projection, jobs=1))
        measured.copies.append(await copy_again(url, measured.one[-1].schema))
    return measured.row(projection.name, await opening_seconds(url, projection))


async def speed(url: str, effort: Effort) -> Table:
    """Every projection."""
    rows = [await compare(url, projection, effort) for projection in PROJECTIONS]
    title = f"Replay of {effort.mixed_events:,} mixed events"
    return Table("replay", title, COLUMNS, rows)


def run(cluster: Cluster, effort: Effort) -> list[Table]:
    """Make the log, then measure on it what replay is beside COPY, beside the library, and to readers."""
    url = uvloop.run(cluster.mimo_database("mixed"))
    courses = uvloop.run(mixed_history.load(url, effort.mixed_events))
    return [
        uvloop.run(speed(url, effort)),
        replay_library.measured(cluster, url, effort),
        replay_readers.measured(cluster, url, courses, effort),
    ]
