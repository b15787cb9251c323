"""Why a relay cannot go on, by what is to be done about it. It must not know who finds out."""

from __future__ import annotations


class Refusal(Exception):
    """Going on would put something wrong into Kafka. The text says what an operator should do; nothing is published."""


class Deposed(Exception):
    """Another relay has our place: stand for election again, on a new session."""


class Unsettled(Exception):
    """Kafka is away, or did something unexpected: what of the last transaction is there must be read from it anew."""
