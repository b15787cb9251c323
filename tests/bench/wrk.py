"""Runs wrk, the native load generator, and reads its result; knows nothing of what it asks for."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tests.bench.school import TEXT

SCRIPT = Path(__file__).parent / "lua" / "requests.lua"
GRACE_SECONDS = 20
MARK = "RESULT "


class LoadGeneratorMissing(Exception):
    """wrk is not installed."""


class LoadFailed(Exception):
    """Requests were refused or connections broke, so the figures would mean nothing."""


@dataclass(frozen=True)
class Load:
    """One run of wrk: requests per second, and latencies in milliseconds."""

    requests_per_second: float
    p50_ms: float
    p99_ms: float


@dataclass(frozen=True)
class Request:
    """One line of the load: a method, a path and the access token to send it with."""

    method: str
    path: str
    token: str


def require_wrk() -> str:
    """Return the path of wrk, or raise LoadGeneratorMissing with a sentence for the user."""
    found = shutil.which("wrk")
    if found is None:
        raise LoadGeneratorMissing(
            "The HTTP benchmarks need the load generator wrk: install it (apt install wrk, brew install wrk) "
            "and run this again; all others work without it."
        )
    return found


def run(
    base_url: str,
    requests: Iterable[Request],
    connections: int,
    seconds: float,
    *,
    client_id: str | None = None,
    delay_ms: float | None = None,
) -> Load:
    """Send the requests in turn over `connections` connections from one thread for about `seconds`.

    `client_id` is a prefix for a client_message_id of each message; `delay_ms` is each connection's mean
    thinking time between requests. Raises LoadFailed when any answer was not 2xx.
    """
    with tempfile.NamedTemporaryFile("w", prefix="mimo-bench-", suffix=".tsv") as lines:
        lines.writelines(f"{r.method}\t{r.path}\t{r.token}\n" for r in requests)
        lines.flush()
        environment = os.environ | {"BENCH_REQUESTS": lines.name, "BENCH_TEXT": TEXT}
        if client_id is not None:
            environment["BENCH_CLIENT_ID"] = client_id
        if delay_ms is not None:
            environment["BENCH_DELAY_MS"] = f"{delay_ms:.3f}"
        options = ["-t1", f"-c{connections}", f"-d{max(1, round(seconds))}s", f"--timeout={GRACE_SECONDS}s"]
        ended = subprocess.run(
            [require_wrk(), *options, "-s", str(SCRIPT), base_url],
            env=environment,
            capture_output=True,
            text=True,
            timeout=seconds + GRACE_SECONDS,
            check=True,
        )
    return read_result(ended.stdout)


def read_result(output: str) -> Load:
    """Read the line that the Lua script prints at its end."""
    line = next(line for line in output.splitlines() if line.startswith(MARK))
    result = json.loads(line.removeprefix(MARK))
    if result["refused"] or result["broken"] or not result["requests"]:
        raise LoadFailed(f"load test answers were not all good: {result}")
    return Load(
        requests_per_second=result["requests"] / result["seconds"],
        p50_ms=result["p50_ms"],
        p99_ms=result["p99_ms"],
    )
