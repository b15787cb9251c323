"""Metrics of the read cache and of bookmarks. It must not know how they are brought about."""

from __future__ import annotations

from collections.abc import Mapping

from prometheus_client import Counter, Gauge, Histogram

ANSWERS = Counter("mimo_query_answers", "Answers by what they were made from.", ("source",))
WAITED = Histogram(
    "mimo_query_bookmark_wait_seconds",
    "Time that reads waited for their bookmark.",
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0),
)
_ROWS = Gauge("mimo_query_cache_rows", "Look-ups in the read cache.", multiprocess_mode="livesum")
_BYTES = Gauge("mimo_query_cache_bytes", "Roughly what they take.", multiprocess_mode="livesum")
_USABLE = Gauge("mimo_query_cache_usable", "Whether the read cache may be used.", multiprocess_mode="livemin")


class Shown:
    """Carries plain numbers over to the metrics now and then; the hot path only counts."""

    def __init__(self) -> None:
        self._before: dict[str, int] = {}

    def show(self, rows: int, size_bytes: int, usable: bool, made_from: Mapping[str, int]) -> None:
        """Shows the present state.

        Args:
            rows: look-ups in the cache.
            size_bytes: what they take.
            usable: whether the cache may be used.
            made_from: answers so far, by what they were made from.
        """
        _ROWS.set(rows)
        _BYTES.set(size_bytes)
        _USABLE.set(usable)
        for source, count in made_from.items():
            ANSWERS.labels(source).inc(count - self._before.get(source, 0))
            self._before[source] = count
