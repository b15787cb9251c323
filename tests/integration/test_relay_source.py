"""How the relay reads the log: never more at once than a slow network takes within a transaction."""

from __future__ import annotations

import asyncpg

from events.messages import TOPIC, MessageSent
from events.partition import DEFAULT_PARTITIONS
from infra.ids import new_id
from infra.relay.source import FIRST_EVENTS, READ_BYTES, Source
from tests.written_log import WrittenLog

LARGEST_TEXT = "\N{GRINNING FACE}" * 4_000
LARGE_EVENTS = 600


async def test_a_backlog_of_large_events_is_read_in_pieces_from_the_first_on(database_url: str) -> None:
    log = WrittenLog()
    author, channel = log.person(), new_id()
    log.add_all(MessageSent(channel_id=channel, author_id=author, text=LARGEST_TEXT) for _ in range(LARGE_EVENTS))
    await log.store(database_url)
    connection = await asyncpg.connect(database_url)
    source = Source(connection)
    await source.start({(TOPIC, number): 0 for number in range(DEFAULT_PARTITIONS)})
    pieces = []
    while not source.at_end:
        _, events = await source.read()
        pieces.append(events)
    await connection.close()
    assert [event.position for events in pieces for event in events] == list(range(1, LARGE_EVENTS + 1))
    assert len(pieces[0]) == FIRST_EVENTS
    assert max(sum(len(event.data) for event in events) for events in pieces) <= READ_BYTES
