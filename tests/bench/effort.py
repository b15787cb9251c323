"""How much measuring a run does; the quick one only shows that everything works."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Effort:
    """Bounds of a run.

    Args:
        rounds: pairs of interleaved measurements of each comparison.
        log_seconds: length of one measurement of the log.
        long_rounds: the same for comparisons that take several seconds each.
        http_seconds: length of one run of the load generator.
        snapshot_appends: appends under a held snapshot.
        replayed_events: events that a projection catches up with.
        mixed_events: events of the history that is replayed.
        library_events: events that the library projects, one transaction each.
        freshness_seconds: for how long commands are followed to the view.
    """

    rounds: int = 5
    log_seconds: float = 0.7
    long_rounds: int = 3
    http_seconds: float = 3
    snapshot_appends: int = 20_000
    replayed_events: int = 200_000
    mixed_events: int = 1_000_000
    library_events: int = 20_000
    freshness_seconds: float = 15


FULL = Effort()
QUICK = Effort(
    rounds=1,
    log_seconds=0.2,
    long_rounds=1,
    http_seconds=1,
    snapshot_appends=1_000,
    replayed_events=5_000,
    mixed_events=100_000,
    library_events=500,
    freshness_seconds=2,
)
