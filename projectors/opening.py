"""Turns recorded events into delivered ones: fetches the keys of the people concerned, opens and decodes.

It must not know what the events mean nor where keys are kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import msgspec

from events.catalog import BY_NAME, PERSONAL, decode
from events.recorded import Delivered, Recorded
from infra.sealing import KeyRing
from projectors.projection import Projection


class Opener:
    """Opens the events that one projection handles.

    Args:
        projection: says which.
        ring: the keys.
    """

    def __init__(self, projection: Projection, ring: KeyRing) -> None:
        self._ring = ring
        names = [event.contract.name for event in projection.handles]
        self._handled = frozenset(names)
        self._subjects = {name: _subject_decoder(name) for name in names if PERSONAL[name]}

    async def open(self, events: Sequence[Recorded]) -> list[Delivered]:
        """The handled ones among the events, decoded.

        Raises:
            UndecodableEvent: one of them cannot be read.
        """
        handled = [event for event in events if event.type in self._handled]
        if self._subjects:
            await self._ring.load(self._concerned(handled))
        ring = self._ring
        return [Delivered(event, decode(event.type, event.schema, event.data, event.id, ring)) for event in handled]

    def _concerned(self, events: Sequence[Recorded]) -> set[UUID]:
        """Whose keys it takes."""
        concerned = set()
        for event in events:
            decoder = self._subjects.get(event.type)
            if decoder is not None:
                try:
                    concerned.add(decoder.decode(event.data).subject)
                except msgspec.DecodeError:
                    continue  # decoding it in full will say what is wrong
        return concerned


def _subject_decoder(name: str) -> msgspec.json.Decoder:  # type: ignore[type-arg]
    """A decoder that reads nothing of an event's data but whose personal data they are."""
    only_subject = msgspec.defstruct(
        "OnlySubject", [("subject", UUID)], rename={"subject": BY_NAME[name].contract.subject}
    )
    return msgspec.json.Decoder(only_subject)
