"""A projection made with the library `eventsourcing` (9.5) beside ours, over the same messages of the same history.

It is what the library's manual shows: a runner that follows an application's events, and a view that notes each event
and its place in one transaction. Its table has the columns and indexes of ours; its events are not sealed, which spares
it the opening.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass
from statistics import median
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import uvloop
from eventsourcing.application import Application
from eventsourcing.domain import DomainEvent
from eventsourcing.persistence import Tracking
from eventsourcing.postgres import PostgresDatastore, PostgresTrackingRecorder
from eventsourcing.projection import Projection, ProjectionRunner
from psycopg.sql import SQL

from events import messages
from projectors.views.messages import Messages
from tests.bench.cluster import Cluster
from tests.bench.effort import Effort
from tests.bench.measure import Pairs
from tests.bench.opened import opener_of, recorded
from tests.bench.replayed import replayed
from tests.bench.table import Table, whole

TARGET = "≥ 20"
EVENTS_A_TIME = 500
LONGEST_SECONDS = 120
TABLE = """
create table message (
  channel_id uuid not null, seq bigint not null, number bigint not null, message_id uuid not null,
  author_id uuid not null, text text, sent_at timestamptz not null, edited_at timestamptz, deleted boolean not null,
  primary key (channel_id, seq))"""
INDEXES = (
    "create unique index message_by_id on message (message_id)",
    "create index message_of_author on message (author_id) where text is not null",
)
ADD = SQL("""
insert into message (channel_id, seq, number, message_id, author_id, text, sent_at, deleted)
values (%s, %s, %s, %s, %s, %s, %s, false)""")


@dataclass(frozen=True)
class MessageSent(DomainEvent):
    """Somebody said something; the aggregate is the channel."""

    message_id: UUID
    author_id: UUID
    text: str


class School(Application[UUID]):
    """Where the library keeps the events."""


class Timeline(PostgresTrackingRecorder):
    """The library's view."""

    def __init__(self, datastore: PostgresDatastore, **options: Any) -> None:
        super().__init__(datastore, **options)
        self.sql_create_statements += [SQL(text).format() for text in (TABLE, *INDEXES)]

    def add(self, event: MessageSent, tracking: Tracking) -> None:
        """A row, and the place of its event, in one transaction."""
        place = (event.originator_id, event.originator_version, event.originator_version)
        row = (*place, event.message_id, event.author_id, event.text, event.timestamp)
        with self.datastore.transaction(commit=True) as cursor:
            self._insert_tracking(cursor, tracking)
            cursor.execute(ADD, row, prepare=True)


class Timelines(Projection[Timeline]):
    """The library's projection."""

    def process_event(self, domain_event: MessageSent, tracking: Tracking) -> None:
        """Adds the message to the timeline."""
        self.view.add(domain_event, tracking)


async def first_messages(url: str, number: int) -> list[MessageSent]:
    """So many messages of a history, as the library's events."""
    found: list[MessageSent] = []
    async with opener_of(url, Messages()) as opener, aclosing(recorded(url, Messages())) as batches:
        async for batch in batches:
            for delivered in await opener.open(batch):
                event, row = delivered.event, delivered.recorded
                if isinstance(event, messages.MessageSent):
                    found.append(
                        MessageSent(
                            originator_id=event.channel_id,
                            originator_version=row.version,
                            timestamp=row.at,
                            message_id=UUID(bytes=row.id.bytes),  # asyncpg has a class of its own
                            author_id=event.author_id,
                            text=event.text or "",
                        )
                    )
            if len(found) >= number:
                break
    return found[:number]


def library_seconds(url: str, events: Sequence[MessageSent]) -> float:
    """Store the events the library's way on an empty database, then project them; seconds of the latter."""
    parts = urlsplit(url)
    environment = {
        "PERSISTENCE_MODULE": "eventsourcing.postgres",
        "POSTGRES_DBNAME": parts.path.lstrip("/"),
        "POSTGRES_HOST": str(parts.hostname),
        "POSTGRES_PORT": str(parts.port),
        "POSTGRES_USER": str(parts.username),
        "POSTGRES_PASSWORD": str(parts.password),
    }
    with School(environment) as school:
        for start in range(0, len(events), EVENTS_A_TIME):
            stored = [school.mapper.to_stored_event(event) for event in events[start : start + EVENTS_A_TIME]]
            last = school.recorder.insert_events(stored)
    assert last
    started = time.perf_counter()
    runner = ProjectionRunner(
        application_class=School, projection_class=Timelines, view_class=Timeline, env=environment
    )
    with runner:
        runner.wait(last[-1], timeout=LONGEST_SECONDS)
        return time.perf_counter() - started


def measured(cluster: Cluster, url: str, effort: Effort) -> Table:
    """Both in turn."""
    events = uvloop.run(first_messages(url, effort.library_events))
    mine, theirs = [], []
    for _ in range(effort.long_rounds):
        empty = uvloop.run(cluster.empty_database("library"))
        theirs.append(len(events) / library_seconds(empty, events))
        mine.append(uvloop.run(replayed(url, Messages(), jobs=1)).per_second)
    row = [
        f"{len(events):,}",
        whole(median(theirs)),
        whole(median(mine)),
        str(Pairs(mine, theirs).ratio(float)),
        TARGET,
    ]
    columns = ("events of the library", "eventsourcing /s", "replay of messages /s", "ratio", "target")
    return Table("replay-eventsourcing", "Replay beside a projection of Python eventsourcing 9.5", columns, [row])
