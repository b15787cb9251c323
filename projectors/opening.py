"""Turns recorded events into delivered ones: fetches the keys of the people concerned, opens and decodes.

It must not know what the events mean nor where keys are kept.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from events.catalog import SealedEvent, parse
from events.event import Event
from events.recorded import Delivered, Recorded
from infra.sealing import KeyRing
from projectors.projection import Projection

SLICE_EVENTS = 100
"""After so many (half a millisecond) everybody else has a turn: a transaction is on its way meanwhile."""


class Opener:
    """Opens the events that one projection handles.

    Args:
        projection: says which.
        ring: the keys.
    """

    def __init__(self, projection: Projection, ring: KeyRing) -> None:
        self._ring = ring
        self._handled = frozenset(event.contract.name for event in projection.handles)

    async def open(self, events: Sequence[Recorded]) -> list[Delivered]:
        """The handled ones among the events, decoded.

        Raises:
            UndecodableEvent: one of them cannot be read.
        """
        handled = [event for event in events if event.type in self._handled]
        parsed: list[Event | SealedEvent] = []
        for start in range(0, len(handled), SLICE_EVENTS):
            parsed += [parse(e.type, e.schema, e.data, e.id) for e in handled[start : start + SLICE_EVENTS]]
            await asyncio.sleep(0)
        return await self._opened(handled, parsed)

    async def _opened(self, events: Sequence[Recorded], parsed: Sequence[Event | SealedEvent]) -> list[Delivered]:
        ring, loaded_at = self._ring, -1
        subjects = {event.subject for event in parsed if isinstance(event, SealedEvent)}
        delivered: list[Delivered] = []
        for start in range(0, len(events), SLICE_EVENTS):
            if ring.forgettings != loaded_at:  # others use the ring too and may have made it forget meanwhile
                await ring.load(subjects)
                loaded_at = ring.forgettings
            now = slice(start, start + SLICE_EVENTS)
            delivered += [
                Delivered(event, half.open(ring) if isinstance(half, SealedEvent) else half)
                for event, half in zip(events[now], parsed[now], strict=True)
            ]
            await asyncio.sleep(0)
        return delivered
