"""Reads the log's topics in Kafka forward from checkpoints, and proves that nothing is missing.

Kafka is only how the log is distributed: what it holds twice is passed over, what it lacks or what cannot be read comes
from the log in PostgreSQL, and what it holds beyond the log stops everything. So where reading begins is a matter of
speed alone. It must not know who reads, nor how partitions are shared.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from time import monotonic

import asyncpg
import structlog

from events.bookmark import Place
from events.cloudevents import history_header
from events.errors import BrokenLog
from events.ports import Batch, CaughtUp, Reached
from events.recorded import Recorded
from infra.event_log import dead_letters, tail
from infra.event_log.follower import Read
from infra.event_log.kafka_cursor import Cursor, Records
from infra.event_log.measured import DUPLICATES, FILLED, GAPS
from infra.event_log.sieve import Sieve, Sifted
from infra.kafka.cluster import Cluster

NOTHING_YET_MS = 20
"""How long to wait for what must be on its way: markers of transactions arrive without waking anybody."""
NEWS_MS = 400
"""How long to wait for news: less than followers do (`POLL_SECONDS`), because aiokafka remembers each wait that was
cancelled until there are some."""
SLICE_RECORDS = 100
"""After so many (about a millisecond) everybody else has a turn, and the batch is measured."""
SLICES = 100
"""The most in one read: if they hold little that is new, others wait for its end in vain."""
COMPARE_SECONDS = 5.0
"""How often, at the end of the topics, the log is asked whether it has more; it is on its way for much less time."""

_LOG_ID = "select log_id from log.installation"
_log = structlog.get_logger("mimo.event_log")


class KafkaReader:
    """Implements `follower.Reader`.

    Args:
        connection: to the log in PostgreSQL, in a role that may put dead letters aside; nobody else uses it.
        cluster: where the topics are.
        topics: full topic names, as the log knows them.
        batch_size: the most events in one batch; fewer when they are large.
    """

    def __init__(
        self, connection: asyncpg.Connection, cluster: Cluster, topics: Sequence[str], batch_size: int
    ) -> None:
        self._connection = connection
        self._cluster = cluster
        self._topics = tuple(topics)
        self._batch_size = batch_size
        self._cursor = Cursor(cluster, batch_size)
        self._sieve = Sieve(b"", {}, set())
        self._fills: dict[Place, int] = {}  # up to which offset a partition is filled from the log
        self._from_log = False
        self._held: Records = {}
        self._position = 0
        self._lacking: Mapping[Place, int] = {}  # the next event of partitions of which the log had more
        self._compare_at = 0.0

    async def start(self, partitions: frozenset[int], reached: Reached) -> None:
        """As the protocol says; the hints are Kafka's own offsets."""
        await self._cursor.close()
        self._fills, self._held, self._lacking = {}, {}, {}
        places = [(topic, partition) for topic in self._topics for partition in sorted(partitions)]
        offsets = {place: reached.offsets.get(place, 0) for place in places}
        await tail.ensure_known(self._connection, offsets)
        log_id = await self._connection.fetchval(_LOG_ID, timeout=tail.READ_TIMEOUT_SECONDS)
        expected = {place: offset + 1 for place, offset in offsets.items()}
        if not places:
            return
        self._cursor = Cursor(self._cluster, self._batch_size)
        hinted, emptied = await self._cursor.open(expected, reached.hints)
        self._sieve = Sieve(history_header(log_id), expected, hinted)
        await self._fill_to_the_end(emptied)

    async def read(self) -> Read:
        """As the protocol says; waits a moment for what is on its way.

        Raises:
            BrokenLog: the topics are of another history or hold what the log does not.
        """
        self._from_log = bool(self._fills) and not self._from_log  # the other partitions go on meanwhile
        batch = await self._filled() if self._from_log else await self._polled()
        caught_up = not self._fills and not self._held and await self._cursor.at_end() and await self._at_logs_end()
        if not batch.events and not caught_up:
            self._cursor.ensure_answering()
        for event in batch.events:
            self._position = max(self._position, event.position)
        return batch if batch.events else None, CaughtUp(self._position) if caught_up else None

    async def news(self) -> None:
        """As the protocol says; what arrives is kept for the next read."""
        if not self._held and not self._cursor.lost:
            self._held = await self._cursor.poll(NEWS_MS, self._limit(0))

    async def close(self) -> None:
        """Lets go of Kafka; the connection to PostgreSQL is its opener's."""
        await self._cursor.close()

    # -- from Kafka ----------------------------------------------------------------------------------------------------

    async def _polled(self) -> Batch:
        """The next events that are in Kafka, compared with the log."""
        if self._cursor.lost:
            await self._find(self._cursor.lost)
        sifted = Sifted()
        records, self._held = self._held, {}
        records = records or await self._cursor.poll(0 if self._fills else NOTHING_YET_MS, self._limit(0))
        size, measured = 0, 0
        for _ in range(SLICES):
            for place, some in records.items():
                self._sieve.sift(place, some, sifted)
            size += sum(len(event.data) for event in sifted.events[measured:])
            limit, measured = self._limit(len(sifted.events)), len(sifted.events)
            if not records or not limit or size >= tail.BATCH_BYTES or sifted.gaps or sifted.misplaced:
                break
            await asyncio.sleep(0)
            records = await self._cursor.poll(0, limit)
        await self._see_to(sifted)
        return Batch(sifted.events, sifted.hints)

    def _limit(self, events: int) -> int:
        return min(SLICE_RECORDS, self._batch_size - events)

    async def _see_to(self, sifted: Sifted) -> None:
        """Does what the records call for, before anybody gets their events."""
        for topic, number in sifted.duplicates.items():
            DUPLICATES.labels(topic).inc(number)
        for place, (upto, kafka_offset) in sifted.gaps.items():
            self._cursor.stop_at(place, kafka_offset)
            self._fill(place, upto)
        if sifted.misplaced:
            await self._find(sifted.misplaced)
        if sifted.letters:
            await dead_letters.keep(self._connection, sifted.letters)
            # Nothing may come after one to show what it stood in for.
            await self._fill_to_the_end({letter.place for letter in sifted.letters} - self._fills.keys())
        if sifted.last:
            await tail.ensure_same(self._connection, sifted.last.values())

    async def _find(self, places: Collection[Place]) -> None:
        expected = self._sieve.expected
        _log.info("place_searched", places=[f"{topic}.{number}:{expected[topic, number]}" for topic, number in places])
        emptied = await self._cursor.find({place: expected[place] for place in places})
        self._sieve.unproven -= set(places)
        await self._fill_to_the_end(emptied)

    async def _at_logs_end(self) -> bool:
        """Whether the log has no more either, or it may be on its way; what must be in Kafka by now is searched.

        For topics that were made anew may end just where we are, or where a hint led, and hold before it what we lack.
        """
        unproven = self._sieve.unproven
        if not unproven and monotonic() < self._compare_at:
            return True
        self._compare_at = monotonic() + COMPARE_SECONDS
        ends = await tail.ends(self._connection, self._topics)
        before = self._lacking
        self._lacking = {place: offset for place, offset in self._sieve.expected.items() if offset <= ends[place]}
        missed = {place for place, offset in self._lacking.items() if place in unproven or before.get(place) == offset}
        unproven.clear()
        if missed:
            await self._find(missed)
        return not missed

    # -- from the log --------------------------------------------------------------------------------------------------

    def _fill(self, place: Place, upto: int) -> None:
        missing = upto - self._sieve.expected[place] + 1
        GAPS.labels(place[0]).inc()
        _log.error("gap_in_topic", topic=place[0], partition=place[1], upto=upto, missing=missing)
        self._fills[place] = upto

    async def _fill_to_the_end(self, places: Collection[Place]) -> None:
        """Has the log deliver all that it has of some partitions; Kafka's records of it will be duplicates."""
        if not places:
            return
        ends: Mapping[Place, int] = await tail.ends(self._connection, sorted({topic for topic, _ in places}))
        for place in places:
            if ends[place] >= self._sieve.expected[place]:
                self._cursor.stop_at(place)
                self._fill(place, ends[place])

    async def _filled(self) -> Batch:
        """The next events that Kafka lacks, of one partition."""
        place, upto = next(iter(self._fills.items()))
        after = self._sieve.expected[place] - 1
        events: list[Recorded] = await tail.page(self._connection, place, after, upto, self._batch_size)
        if not events or [event.offset for event in events] != list(range(after + 1, after + 1 + len(events))):
            raise BrokenLog(
                f"{place[0]}.{place[1]} goes on after offset {upto} in Kafka, and the log lacks some of what comes "
                f"before it, from {after + 1} on. Was the database restored from an older backup? `mimo doctor` says "
                "more."
            )
        self._sieve.expected[place] += len(events)
        FILLED.labels(place[0]).inc(len(events))
        if self._sieve.expected[place] > upto:
            del self._fills[place]
            self._cursor.go_on(place)
        return Batch(events)
