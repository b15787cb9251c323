"""What query API processes tell each other of people: who is in which channel through them, and who is typing there.

Told by NOTIFY, in payloads under 8,000 bytes (PostgreSQL's limit). It must not know when something is told.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Literal
from uuid import UUID

import msgspec

CHANNEL = "mimo_here"
MAX_WEIGHT = 7_000
"""Of the people in one payload, as `_WEIGHT` counts them."""
_WEIGHT = 40
"""Of an id with its quotes and comma, at most."""

People = Mapping[UUID, Collection[UUID]]
"""By channel, some people."""
Kind = Literal["whole", "came", "went", "typing", "ask", "gone"]
"""`whole`: all who are here, the first part of several begins anew; `ask`: tell me all; `gone`: the process ends."""


class Notice(msgspec.Struct, array_like=True):
    """One notification.

    Attributes:
        process: who tells.
        kind: what.
        people: whom it concerns.
        part: which part of several it is, from 0.
        last: whether it is the last one.
    """

    process: UUID
    kind: Kind
    people: dict[UUID, list[UUID]] = {}
    part: int = 0
    last: bool = True


class NotUnderstood(Exception):
    """A notification is none of ours; perhaps newer code told it."""


_encoder, _decoder = msgspec.json.Encoder(uuid_format="hex"), msgspec.json.Decoder(Notice)


def payloads(process: UUID, kind: Kind, people: People) -> list[str]:
    """What is told, as so many notifications as are needed."""
    parts = list(_parts(people)) or [{}]
    return [
        _encoder.encode(Notice(process, kind, part, number, number == len(parts) - 1)).decode()
        for number, part in enumerate(parts)
    ]


def read(payload: str) -> Notice:
    """What was told.

    Raises:
        NotUnderstood: it is no notice.
    """
    try:
        return _decoder.decode(payload)
    except msgspec.DecodeError as error:
        raise NotUnderstood(str(error)) from None


def _parts(people: People) -> Iterator[dict[UUID, list[UUID]]]:
    part: dict[UUID, list[UUID]] = {}
    weight = 0
    for channel_id, those in people.items():
        for user_id in those:
            if weight > MAX_WEIGHT - 2 * _WEIGHT:
                yield part
                part, weight = {}, 0
            if channel_id not in part:
                part[channel_id] = []
                weight += _WEIGHT
            part[channel_id].append(user_id)
            weight += _WEIGHT
    if part:
        yield part
