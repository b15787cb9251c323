"""`python -m tests.bench`: runs the benchmarks, prints their tables, and writes them down when told to.

Must be run from the project's root, on a machine that does nothing else.
"""

from __future__ import annotations

import argparse
import inspect
import sys
import time
from collections.abc import Awaitable, Callable

import uvloop

from tests.bench import (
    append,
    eventsourcing_side,
    freshness,
    http_load,
    live,
    projections,
    projections_kafka,
    relay,
    replay,
    rush,
    sealing,
    snapshot,
)
from tests.bench.cluster import Cluster, throw_away_cluster
from tests.bench.effort import FULL, QUICK, Effort
from tests.bench.processes import DidNotStart
from tests.bench.table import Table
from tests.bench.wrk import LoadFailed, LoadGeneratorMissing

Bench = Callable[[Cluster, Effort], list[Table] | Awaitable[list[Table]]]

BENCHES: dict[str, Bench] = {
    "append": append.run,
    "sealing": sealing.run,
    "rush": rush.run,
    "snapshot": snapshot.run,
    "eventsourcing": eventsourcing_side.run,
    "http": http_load.run,
    "freshness": freshness.run,
    "projections": projections.run,
    "projections-kafka": projections_kafka.run,
    "relay": relay.run,
    "replay": replay.run,
    "live": live.run,
}


def parse(arguments: list[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", choices=sorted(BENCHES), metavar="NAME", help=", ".join(BENCHES))
    parser.add_argument("--quick", action="store_true", help="only see that everything works; figures mean little")
    parser.add_argument("--write", action="store_true", help="put the tables into docs/performance.md")
    return parser.parse_args(arguments)


def run_one(bench: Bench, cluster: Cluster, effort: Effort) -> list[Table]:
    """Run a benchmark, whether it is a coroutine or not; coroutines on the event loop that uvicorn uses."""
    result = bench(cluster, effort)
    if inspect.isawaitable(result):
        return uvloop.run(awaited(result))
    return result


async def awaited(tables: Awaitable[list[Table]]) -> list[Table]:
    """A coroutine for `uvloop.run` from any awaitable."""
    return await tables


def main(arguments: list[str]) -> int:
    """Run what was asked for; 2 when something gave no figures, for want of wrk or because requests failed."""
    options = parse(arguments)
    effort = QUICK if options.quick else FULL
    status = 0
    with throw_away_cluster() as cluster:
        for name in options.only or BENCHES:
            started = time.monotonic()
            try:
                tables = run_one(BENCHES[name], cluster, effort)
            except (LoadGeneratorMissing, LoadFailed, DidNotStart) as failed:
                print(f"{name}: no figures. {failed}", file=sys.stderr)
                status = 2
                continue
            for table in tables:
                table.show()
                if options.write:
                    table.write_into_document()
            print(f"({name}: {time.monotonic() - started:.0f} s)", flush=True)
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
