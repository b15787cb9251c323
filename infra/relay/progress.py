"""What the relay is doing now, for readiness and metrics. It must not know how it does it."""

from __future__ import annotations

from enum import StrEnum
from time import monotonic

from prometheus_client import Counter, Gauge, Histogram

SILENCE_SECONDS = 6.0
"""Longer than one transaction may take, shorter than anybody's patience."""

_STATE = Gauge("mimo_relay_state", "1 for what the relay is doing now, 0 for the rest.", ("state",))
_LAG_EVENTS = Gauge("mimo_relay_lag_events", "Events in the log that are not in Kafka.")
_LAG_SECONDS = Gauge("mimo_relay_lag_seconds", "How long the oldest of them has waited.")
_EVENTS = Counter("mimo_relay_events", "Events published.")
_TRANSACTIONS = Histogram(
    "mimo_relay_transaction_seconds",
    "Time to publish a batch of events, commit included.",
    buckets=(0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0),
)
_INITIALISATIONS = Counter("mimo_relay_initialisations", "Times that it read anew where Kafka's partitions end.")
_REFUSALS = Counter("mimo_relay_refusals", "Times that it refused to publish, because Kafka does not hold this log.")


class State(StrEnum):
    """What a relay can be doing."""

    STARTING = "starting"
    STANDBY = "standby"
    ACTIVE = "active"
    BACKING_OFF = "backing off"
    STOPPED = "stopped"


class Progress:
    """The relay's state, told by the relay."""

    def __init__(self) -> None:
        self.state = State.STARTING
        self.reason = ""
        self._moved_at = monotonic()
        self._caught_up = False
        self._is(State.STARTING)

    def unready(self) -> str | None:
        """Why events do not get to Kafka through it; None while they do, or while it stands by for another."""
        silent_seconds = monotonic() - self._moved_at
        if self.state in (State.STANDBY, State.ACTIVE):
            if self.state is State.ACTIVE and not self._caught_up and silent_seconds > SILENCE_SECONDS:
                return f"{self.state}: no progress for {silent_seconds:.0f} s"
            return None
        return f"{self.state}: {self.reason}" if self.reason else str(self.state)

    def standing_by(self) -> None:
        """Another relay is active, and tells what is behind."""
        self.behind(0, 0.0)
        self._is(State.STANDBY)

    def initialising(self) -> None:
        """It reads where Kafka's partitions end."""
        _INITIALISATIONS.inc()

    def active(self) -> None:
        """It begins to publish."""
        self._caught_up, self._moved_at = False, monotonic()
        self._is(State.ACTIVE)

    def published(self, events: int, seconds: float) -> None:
        """A transaction was committed."""
        self._moved_at, self._caught_up = monotonic(), False
        _EVENTS.inc(events)
        _TRANSACTIONS.observe(seconds)

    def moved(self) -> None:
        """It got further, though there was nothing to publish."""
        self._moved_at = monotonic()

    def caught_up(self) -> None:
        """There was nothing more in the log."""
        self._moved_at, self._caught_up = monotonic(), True

    def behind(self, events: int, seconds: float) -> None:
        """So much of the log is not in Kafka."""
        _LAG_EVENTS.set(events)
        _LAG_SECONDS.set(seconds)

    def backing_off(self, reason: str) -> None:
        """It cannot publish now and will try again by itself."""
        self._is(State.BACKING_OFF, reason)

    def stopped(self, reason: str) -> None:
        """It refuses to publish."""
        _REFUSALS.inc()
        self._is(State.STOPPED, reason)

    def _is(self, state: State, reason: str = "") -> None:
        self.state, self.reason = state, reason
        for each in State:
            _STATE.labels(each.value).set(each is state)
