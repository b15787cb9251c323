"""What a decider decides: events, and what must hold when they are appended.

It must not know how any of it is stored.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from events.claims import Claim
from events.event import Event
from events.ports import PrivateWrite


@dataclass(frozen=True, slots=True)
class Decision:
    """One command's outcome, all of it or nothing.

    Args:
        events: what happens, in order; none means that nothing changes.
        need: claims that must be held.
        absent: claims that must not be held.
        expected: versions that streams must have, when the decision was made from their events.
        private: private values to change or to compare.
    """

    events: tuple[Event, ...]
    need: tuple[Claim, ...] = ()
    absent: tuple[Claim, ...] = ()
    expected: Mapping[str, int] = field(default_factory=dict)
    private: tuple[PrivateWrite, ...] = ()
