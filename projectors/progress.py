"""What a projection is doing now, for readiness and metrics. It must not know how it does it."""

from __future__ import annotations

from enum import StrEnum
from time import monotonic

from prometheus_client import Counter, Gauge, Histogram

SILENCE_SECONDS = 6.0
"""Longer than one batch may take (its transaction's time-out is 5 s), shorter than anybody's patience."""

_EVENTS = Counter("mimo_projection_events", "Events that moved a checkpoint.", ("projection",))
_PARKED = Counter("mimo_projection_parked_events", "Events set aside.", ("projection",))
_FAILURES = Counter("mimo_projection_failures", "Batches that failed, by class.", ("projection", "failure"))
_READY = Gauge(
    "mimo_projection_ready",
    "1 while the projection keeps up with the log, in every process.",
    ("projection",),
    multiprocess_mode="livemin",
)
_BATCHES = Histogram(
    "mimo_projection_batch_seconds",
    "Time to apply a batch, commit included.",
    ("projection",),
    buckets=(0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0),
)


class State(StrEnum):
    """What a projection can be doing."""

    STARTING = "starting"
    CATCHING_UP = "catching up"
    LIVE = "live"
    STANDBY = "standby"
    BACKING_OFF = "backing off"
    STOPPED = "stopped"


class Progress:
    """One generation's state, told by its runner.

    Args:
        projection: its projection's name, the label of the metrics.
        live: whether it is the generation that readers see: whether the projection is ready is said of that one only.
    """

    def __init__(self, projection: str, *, live: bool = True) -> None:
        self.state = State.STARTING
        self.reason = ""
        self._projection = projection
        self._live = live
        self._moved_at = monotonic()
        self._ready = _READY.labels(projection)
        self._tell()
        self._events = _EVENTS.labels(projection)
        self._batches = _BATCHES.labels(projection)

    def unready(self) -> str | None:
        """Why it cannot be relied on; None when it keeps up, or when others have all the partitions."""
        silent_seconds = monotonic() - self._moved_at
        if self.state in (State.BACKING_OFF, State.STOPPED):
            return f"{self.state}: {self.reason}"
        if self.state is not State.STANDBY and silent_seconds > SILENCE_SECONDS:
            return f"{self.state}: no progress for {silent_seconds:.0f} s"
        return None if self.state in (State.LIVE, State.STANDBY) else str(self.state)

    def shown(self, *, live: bool) -> None:
        """Readers see it from now on, or another one."""
        if live != self._live:
            self._live = live
            self._tell()

    def assigned(self, partitions: int) -> None:
        """It has so many partitions to follow now."""
        self._moved_at = monotonic()
        self.state = State.CATCHING_UP if partitions else State.STANDBY
        self._tell()

    def applied(self, events: int, seconds: float) -> None:
        """A batch was committed."""
        self._moved_at = monotonic()
        self._events.inc(events)
        self._batches.observe(seconds)
        if self.state is not State.LIVE:
            self.state = State.CATCHING_UP
            self._tell()

    def caught_up(self) -> None:
        """There was nothing more in the log."""
        self._moved_at = monotonic()
        self.state = State.LIVE
        self._tell()

    def parked(self, events: int) -> None:
        """Events were set aside."""
        _PARKED.labels(self._projection).inc(events)

    def failed(self, failure: str, state: State, reason: str) -> None:
        """A batch failed, and this is what is done about it."""
        _FAILURES.labels(self._projection, failure).inc()
        self.state, self.reason = state, reason
        self._tell()

    def _tell(self) -> None:
        if self._live:
            self._ready.set(self.state in (State.LIVE, State.STANDBY))
