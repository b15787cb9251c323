"""What to make of each Kafka record: the next event, one that was had already, a sign of a gap, or no event at all.

Pure: it moves the expected offsets on and leaves what must be done about the rest to its caller. It must not know where
records come from.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from aiokafka.structs import ConsumerRecord

from events.bookmark import Place
from events.cloudevents import from_record
from events.errors import BrokenLog, UndecodableEvent
from events.recorded import Recorded
from infra.event_log.dead_letters import DeadLetter

NEAR_EVENTS = 1_000
"""So many events too early are read over sooner than the right place is found."""
LARGEST_OFFSET = 2**63 - 1


class Gap(NamedTuple):
    """Events that a partition lacks.

    Args:
        upto: the offset of the last one.
        kafka_offset: Kafka's own offset of the record that comes after them.
    """

    upto: int
    kafka_offset: int


@dataclass
class Sifted:
    """What came of some records.

    Attributes:
        events: those that were expected, in order.
        last: the last of them in each partition.
        hints: Kafka's next offset after the last of them in each partition.
        duplicates: how many of each topic were had already.
        gaps: what partitions lack; the record that showed it and all after it were not looked at.
        misplaced: partitions that were entered at a wrong place; nothing of them was looked at.
        letters: records that are no events.
    """

    events: list[Recorded] = field(default_factory=list)
    last: dict[Place, Recorded] = field(default_factory=dict)
    hints: dict[Place, int] = field(default_factory=dict)
    duplicates: dict[str, int] = field(default_factory=dict)
    gaps: dict[Place, Gap] = field(default_factory=dict)
    misplaced: set[Place] = field(default_factory=set)
    letters: list[DeadLetter] = field(default_factory=list)


class Sieve:
    """What is expected of each partition.

    Args:
        log_id: this history, as records' headers say it.
        expected: the next offset of each partition.
        unproven: the partitions entered where a hint said; their first event shows whether it was right.
    """

    def __init__(self, log_id: bytes, expected: dict[Place, int], unproven: set[Place]) -> None:
        self._log_id = log_id
        self.expected = expected
        self.unproven = unproven

    def sift(self, place: Place, records: Iterable[ConsumerRecord], into: Sifted) -> None:
        """Looks at records of one partition, in order, until something must be done first.

        Args:
            place: the topic as the log knows it, and the partition.
            records: what comes next of it.
            into: what came of those before; is added to.

        Raises:
            BrokenLog: a record belongs to another history.
        """
        expected = self.expected[place]
        for record in records:
            try:
                log_id, event = self._read(place, record)
            except UndecodableEvent as error:
                into.letters.append(DeadLetter(place, record, str(error)))
                continue
            if log_id != self._log_id:
                raise self._foreign(place, event, log_id)
            offset = event.offset
            if place in self.unproven:
                if not 0 <= expected - offset <= NEAR_EVENTS:
                    into.misplaced.add(place)
                    break
                self.unproven.discard(place)
            if offset == expected:
                expected += 1
                into.events.append(event)
                into.last[place], into.hints[place] = event, record.offset + 1
            elif offset > expected:
                into.gaps[place] = Gap(offset - 1, record.offset)
                break
            else:
                into.duplicates[place[0]] = into.duplicates.get(place[0], 0) + 1
        self.expected[place] = expected

    @staticmethod
    def _read(place: Place, record: ConsumerRecord) -> tuple[bytes, Recorded]:
        published = from_record(*place, record.key, record.value, record.headers)
        if not 0 < published.recorded.offset <= LARGEST_OFFSET:
            raise UndecodableEvent(f"{place[0]}.{place[1]}: an offset that no event can have")
        return published.log_id, published.recorded

    def _foreign(self, place: Place, event: Recorded, log_id: bytes) -> BrokenLog:
        theirs, ours = log_id.decode(errors="replace"), self._log_id.decode()
        return BrokenLog(
            f"In Kafka {place[0]}.{place[1]}:{event.offset} is of another history, {theirs}, than the log, {ours}: "
            "delete the topics (`mimo topics delete`), the relay fills them anew; or, if another installation "
            "publishes there, choose another MIMO_KAFKA_PREFIX."
        )
