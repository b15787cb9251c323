"""The relay's loop: stand for election, see what Kafka holds, compare it with the log, copy what is missing, for ever.

The order of things is what makes it right (docs/decisions/0019-kafkas-own-content-is-the-checkpoint.md): the election
first; then the producer, which ends what a dead or frozen relay left open; only then is read where the partitions end.
It must not know how events are read, encoded or published.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from time import perf_counter
from uuid import UUID

import structlog

from events.bookmark import Place
from events.cloudevents import history_header
from events.errors import CannotStart
from infra.event_log.membership import Pace
from infra.kafka.cluster import AWAY, Cluster, Unreachable
from infra.kafka.topics import ensure_topics
from infra.postgres import AWAY as DATABASE_AWAY
from infra.relay.audit import differences, refusal
from infra.relay.election import Connect, Office, session
from infra.relay.ends import End, read_ends, watch_ends
from infra.relay.hanging import Hanging, open_places
from infra.relay.notes import Notes
from infra.relay.progress import Progress
from infra.relay.publisher import KafkaPublisher, Packed, Publisher
from infra.relay.side_by_side import ended, first_to_end
from infra.relay.source import Source, source
from infra.relay.trouble import Deposed, Refusal, Unsettled

NOTE_SECONDS = 1.0
LAST_NOTE_SECONDS = 1.0
BREATH_SECONDS = 0.02
"""At the end of the log, the least time from one transaction to the next. Each writes a marker into every partition
that it touches and wakes every consumer: what arrives meanwhile shares it."""
WATCH_SECONDS = 3.0
LOOK_AGAIN_SECONDS = 3.0
FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 2.0

_INSTALLATION = "select log_id, partitions from log.installation"
_log = structlog.get_logger("mimo.relay")

NewPublisher = Callable[[Cluster, dict[Place, int]], Publisher]


class Relay:
    """Copies the log to Kafka for as long as no other relay does.

    Args:
        connect: opens a connection to the database with the relay's role.
        cluster: the Kafka cluster.
        topics: the topics of the log.
        progress: is told what happens.
        pace: of the election's heartbeat.
        new_publisher: makes what publishes, from the cluster and Kafka's own next offsets.
    """

    def __init__(
        self,
        connect: Connect,
        cluster: Cluster,
        topics: Collection[str],
        progress: Progress,
        *,
        pace: Pace | None = None,
        new_publisher: NewPublisher = KafkaPublisher,
    ) -> None:
        self._connect = connect
        self._cluster = cluster
        self._topics = topics
        self._progress = progress
        self._pace = pace or Pace()
        self._new_publisher = new_publisher
        self._hanging = Hanging(cluster)
        self._pause = FIRST_PAUSE_SECONDS
        self._log_id: UUID | None = None
        self._published: dict[Place, int] | None = None
        self._position = 0

    async def run(self) -> None:
        """Runs until it is cancelled."""
        while True:
            try:
                async with session(self._connect, self._pace) as office:
                    await office.stand(self._progress.standing_by)
                    await self._hold(office)
            except Deposed as deposed:
                _log.warning("relay_deposed", reason=str(deposed))
                self._progress.backing_off(f"it lost its place ({deposed})")
            except Exception as error:
                if self._progress.reason != (reason := _said(error)):
                    _log.error("relay_failed", reason=reason, exc_info=not isinstance(error, DATABASE_AWAY))
                self._progress.backing_off(reason)
            await self._back_off()

    async def _hold(self, office: Office) -> None:
        """Publishes for as long as the place is ours; raises whatever ends that."""
        notes = Notes(office.ask)
        await first_to_end(office.keep(), self._serve(office, notes), self._tell(notes))

    async def _serve(self, office: Office, notes: Notes) -> None:
        while True:
            try:
                await self._initialise_and_copy(office, notes)
            except Refusal as refused:
                if self._progress.reason != str(refused):
                    _log.error("relay_stopped", reason=str(refused))
                self._progress.stopped(str(refused))
                await notes.stopped(str(refused))
                await asyncio.sleep(LOOK_AGAIN_SECONDS)
            except Unsettled as unsettled:
                reason = f"Kafka cannot be relied on now ({unsettled}); events wait in the log"
                if self._progress.reason != reason:
                    _log.warning("relay_lost_kafka", reason=str(unsettled))
                self._progress.backing_off(reason)
                await notes.stopped(None)
                await self._back_off()

    # -- once Kafka answers --------------------------------------------------------------------------------------------

    async def _initialise_and_copy(self, office: Office, notes: Notes) -> None:
        await office.verify()
        self._progress.initialising()
        self._log_id, partitions = (await office.ask(_INSTALLATION))[0]
        places = [(topic, number) for topic in self._topics for number in range(partitions)]
        await self._have_topics(partitions)
        # Before anything is touched: another installation's relay may be at work.
        self._hanging.check(await self._audited(office, places))
        known: dict[Place, int] = {}
        async with self._publisher(known) as publisher:
            await publisher.start()
            await office.verify()
            ends = await self._audited(office, places)
            await self._settle(ends, publisher, notes)
            known |= {place: end.end for place, end in ends.items()}
            noted = await notes.load()
            published = {place: _last_offset(end, noted.get(place, 0)) for place, end in ends.items()}
            async with source(self._connect) as log:
                position = await log.start(published)
                await notes.begin(published, position)
                self._published, self._position = published, position
                self._progress.active()
                _log.info("relay_active", position=position)
                try:
                    await first_to_end(self._copy(log, publisher), self._watch(known))
                finally:
                    await self._take_leave(notes)

    async def _have_topics(self, partitions: int) -> None:
        with _asking_kafka():
            try:
                await ensure_topics(self._cluster, self._topics, partitions)
            except Unreachable:
                raise
            except CannotStart as wrong:
                raise Refusal(str(wrong)) from wrong

    async def _audited(self, office: Office, places: Collection[Place]) -> Mapping[Place, End]:
        """Where the partitions end, if what is there is this log."""
        with _asking_kafka():
            ends = await read_ends(self._cluster, places)
        if found := await differences(office.ask, ends):
            raise Refusal(refusal(found))
        return ends

    async def _settle(self, ends: Mapping[Place, End], publisher: Publisher, notes: Notes) -> None:
        """Ends transactions that are open, and lets everything begin anew: what they hold could not be seen.

        The publisher has started, so its own have ended, unless Kafka has forgotten to tell a partition.
        """
        left = open_places(ends)
        if left:
            await notes.forget(left)  # they may count events that are aborted now
            await publisher.end_hanging(left)
        self._hanging.tried(ends, left)
        if left:
            raise Unsettled(f"somebody has a transaction open in {left[0][0]}.{left[0][1]}")

    @asynccontextmanager
    async def _publisher(self, known: dict[Place, int]) -> AsyncIterator[Publisher]:
        publisher = self._new_publisher(self._cluster, known)
        try:
            yield publisher
        finally:
            await publisher.drop()

    async def _watch(self, known: Mapping[Place, int]) -> None:
        with _asking_kafka():
            await watch_ends(self._cluster, known, WATCH_SECONDS)

    # -- copying -------------------------------------------------------------------------------------------------------

    async def _copy(self, log: Source, publisher: Publisher) -> None:
        """Reads and encodes while Kafka works on the transaction before; at the log's end, what arrived meanwhile."""
        assert self._log_id is not None
        header = history_header(self._log_id)
        ahead = asyncio.create_task(log.read())
        under_way: asyncio.Task[None] = asyncio.create_task(asyncio.sleep(0))
        try:
            while True:
                try:
                    position, events = await ahead
                    at_end = log.at_end
                    if not at_end:
                        ahead = asyncio.create_task(log.read())
                    packed = publisher.pack(events, header) if events else None
                except Refusal:
                    await under_way  # nothing is wrong with what comes before
                    raise
                await under_way
                under_way = asyncio.create_task(self._publish(publisher, packed, position))
                if at_end:
                    breath = asyncio.create_task(asyncio.sleep(BREATH_SECONDS))
                    await under_way
                    self._progress.caught_up()
                    await breath
                    await log.wait()
                    ahead = asyncio.create_task(log.read())
        finally:
            await ended(ahead, under_way)

    async def _publish(self, publisher: Publisher, packed: Packed | None, position: int) -> None:
        assert self._published is not None
        if packed is not None:
            started = perf_counter()
            await publisher.publish(packed)
            self._published |= {place: event.offset for place, event in packed.last.items()}
            self._progress.published(packed.events, perf_counter() - started)
        self._position, self._pause = position, FIRST_PAUSE_SECONDS
        self._progress.moved()

    # -- beside it -----------------------------------------------------------------------------------------------------

    async def _tell(self, notes: Notes) -> None:
        """Notes how far the relay is, every second or so."""
        while True:
            await asyncio.sleep(NOTE_SECONDS)
            if self._published is None:
                await notes.alive()
            else:
                await notes.write(self._published, self._position)
            behind = await notes.behind(self._position)
            self._progress.behind(behind.events, behind.seconds)
            if self._published is not None and behind.log_id != self._log_id:
                raise Deposed(f"the log has a new history, {behind.log_id}")

    async def _take_leave(self, notes: Notes) -> None:
        """The last note, if the database still listens."""
        published, self._published = self._published, None
        with suppress(Exception):
            async with asyncio.timeout(LAST_NOTE_SECONDS):
                await notes.write(published or {}, self._position)

    async def _back_off(self) -> None:
        await asyncio.sleep(self._pause * random.uniform(0.5, 1.5))  # noqa: S311 - spreads retries
        self._pause = min(2 * self._pause, LONGEST_PAUSE_SECONDS)


def _last_offset(end: End, noted: int) -> int:
    """The last dense offset that a partition has had."""
    if end.last is not None:
        return end.last.offset
    return noted if end.beginning > 0 else 0  # its records were deleted, or it never held any


@contextmanager
def _asking_kafka() -> Iterator[None]:
    """Turns whatever says that Kafka is away into one error."""
    try:
        yield
    except AWAY as error:
        raise Unsettled(_said(error)) from error


def _said(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}".rstrip(": ") if not isinstance(error, CannotStart) else str(error)
