"""What is counted while topics are followed. It must not know how they are."""

from __future__ import annotations

from prometheus_client import Counter

DUPLICATES = Counter("mimo_topic_duplicates", "Records that were passed over: applied already.", ("topic",))
GAPS = Counter("mimo_topic_gaps", "Times that a topic lacked events.", ("topic",))
FILLED = Counter("mimo_topic_filled_events", "Events that a topic lacked and that came from the log.", ("topic",))
DEAD_LETTERS = Counter("mimo_topic_dead_letters", "Records that are no events and were put aside.", ("topic",))
DEAD_LETTERS_NOT_KEPT = Counter(
    "mimo_topic_dead_letters_not_kept", "Records that are no events, beyond those that are kept.", ("topic",)
)
