"""What sealing personal data costs: encoding and decoding a message with AES-GCM, beside the same without a cipher."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from statistics import median
from uuid import UUID

from events.catalog import Sealer, decode, encode
from events.messages import MessageSent
from infra.ids import new_id
from infra.sealing import KeyRing, new_key
from tests.bench.cluster import Cluster
from tests.bench.effort import Effort
from tests.bench.measure import Pairs
from tests.bench.school import TEXT
from tests.bench.table import Table

EVENTS = 10_000


class NoCipher:
    """Takes the personal part through as it is: all the work of sealing but the cryptography and base64."""

    def seal(self, subject: UUID, plain: bytes, context: bytes) -> str:
        """The plain text."""
        return plain.decode()

    def open(self, subject: UUID, sealed: str, context: bytes) -> bytes | None:
        """What was handed to `seal`."""
        return sealed.encode()


class Messages:
    """Messages of one person, and what encoding and decoding them takes with one sealer."""

    def __init__(self, author: UUID, sealer: Sealer) -> None:
        self._sealer = sealer
        self._ids = [new_id() for _ in range(EVENTS)]
        self._events = [MessageSent(channel_id=new_id(), author_id=author, text=TEXT) for _ in range(EVENTS)]
        self._data = self._encoded()

    def encoding(self) -> float:
        """Microseconds to encode one message."""
        return timed(self._encoded)

    def decoding(self) -> float:
        """Microseconds to decode one message."""
        return timed(self._decoded)

    def _encoded(self) -> list[str]:
        pairs = zip(self._events, self._ids, strict=True)
        return [encode(event, event_id, self._sealer) for event, event_id in pairs]

    def _decoded(self) -> list[object]:
        pairs = zip(self._data, self._ids, strict=True)
        return [decode("MessageSent", 1, data, event_id, self._sealer) for data, event_id in pairs]


def timed(work: Callable[[], Sequence[object]]) -> float:
    """Microseconds per event."""
    started = time.perf_counter()
    work()
    return (time.perf_counter() - started) * 1e6 / EVENTS


async def nobody(_: Collection[UUID]) -> Mapping[UUID, bytes]:
    """Fetches no keys."""
    return {}


def row(name: str, sealed: Sequence[float], plain: Sequence[float]) -> list[str]:
    """One line of the table."""
    ratio = Pairs(sealed, plain).ratio(float)
    return [name, f"{median(plain):.1f}", f"{median(sealed):.1f}", str(ratio)]


def run(_: Cluster, effort: Effort) -> list[Table]:
    """Measure both directions, with and without the cipher in turn."""
    author, ring = new_id(), KeyRing(nobody)
    ring.add(author, new_key())
    sealed, plain = Messages(author, ring), Messages(author, NoCipher())
    encoding, decoding = [], []
    for _round in range(effort.rounds * 2):
        encoding.append((sealed.encoding(), plain.encoding()))
        decoding.append((sealed.decoding(), plain.decoding()))
    rows = [
        row("encode a message", *zip(*encoding, strict=True)),
        row("decode a message", *zip(*decoding, strict=True)),
    ]
    columns = ("what", "without cipher, µs", "sealed, µs", "ratio")
    return [Table("sealing", "What sealing costs, microseconds of Python per event", columns, rows)]
