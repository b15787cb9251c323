"""Metrics of live updates. It must not know how they are brought about."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

_BUCKETS_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)

CONNECTIONS = Gauge("mimo_live_connections", "Clients that are connected.", ("transport",), multiprocess_mode="livesum")
ROOMS = Gauge("mimo_live_rooms", "Channels that somebody listens to.", multiprocess_mode="livesum")
LISTENERS = Gauge("mimo_live_listeners", "Channels times those who listen to them.", multiprocess_mode="livesum")
_EVENTS = Counter("mimo_live_events", "Events of channels that somebody listened to.")
_DELIVERIES = Counter("mimo_live_deliveries", "Events times those whom they were sent to.")
_BYTES = Counter("mimo_live_bytes", "Bytes of these deliveries, before any backlog.")
TYPING = Counter("mimo_live_typing", "Times that a room was told that somebody is typing.")
PRESENCE = Counter("mimo_live_presence", "Times that somebody was told who is in a room.")
RESETS = Counter("mimo_live_resets", "Clients that were too far behind and were sent to the messages.")
CUT_OFF = Counter("mimo_live_cut_off", "Clients that were cut off, by close code.", ("code",))
JOINING = Histogram(
    "mimo_live_join_seconds", "Time from a subscription to its last missing event.", buckets=_BUCKETS_SECONDS
)
LAG = Histogram(
    "mimo_live_lag_seconds",
    "Time from an event's commit until it is sent, by the database's clock and ours.",
    buckets=_BUCKETS_SECONDS,
)


def sent(events: int, size_bytes: int, listeners: int) -> None:
    """Counts what was sent to a room.

    Args:
        events: how many.
        size_bytes: how big they are together.
        listeners: how many they were sent to.
    """
    _EVENTS.inc(events)
    _DELIVERIES.inc(events * listeners)
    _BYTES.inc(size_bytes * listeners)
