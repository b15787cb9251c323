"""Prometheus metrics of an API process, also when several worker processes serve one port.

It must not know what the numbers are used for. With several workers each writes memory-mapped files into the folder
`PROMETHEUS_MULTIPROC_DIR`, which whoever starts them sets and empties; any worker can answer for all.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

import psutil
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

MULTIPROCESS_FOLDER = "PROMETHEUS_MULTIPROC_DIR"
CONTENT_TYPE = CONTENT_TYPE_LATEST
_BUCKETS_SECONDS = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)

_DURATION = Histogram(
    "mimo_http_request_duration_seconds",
    "Time from the request's head to the end of its answer.",
    ("method", "route"),
    buckets=_BUCKETS_SECONDS,
)
_REQUESTS = Counter("mimo_http_requests", "Requests answered.", ("method", "route", "status"))

_durations: dict[tuple[str, str], Histogram] = {}
_counters: dict[tuple[str, str, int], Counter] = {}


def observe(method: str, route: str, status: int, seconds: float) -> None:
    """Counts one answered request. `route` is the path's template, so that the labels stay few."""
    key = (method, route, status)
    counter = _counters.get(key)
    if counter is None:
        counter = _counters[key] = _REQUESTS.labels(method, route, str(status))
        _durations[method, route] = _DURATION.labels(method, route)
    counter.inc()
    _durations[method, route].observe(seconds)


def exposition() -> bytes:
    """Everything that this process, or all workers together, measured, in Prometheus' text format."""
    if MULTIPROCESS_FOLDER not in os.environ:
        return generate_latest(REGISTRY)
    _forget_the_dead(Path(os.environ[MULTIPROCESS_FOLDER]))
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return generate_latest(registry)


def _forget_the_dead(folder: Path) -> None:
    """A worker that was killed is in no state any more; what it counted stays."""
    for file in folder.glob("gauge_live*.db"):
        pid = int(file.stem.rpartition("_")[2])
        if not psutil.pid_exists(pid):
            with suppress(FileNotFoundError):  # another worker was quicker
                mark_process_dead(pid)  # type: ignore[no-untyped-call]
