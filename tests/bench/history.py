"""Loads a long history of messages into the log by COPY, for the benchmarks that need one.

The rows are what appending would have stored: dense positions, versions and offsets, partitions from the real
function. It must not know what is measured on them.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from uuid import UUID

import asyncpg

from events.messages import TOPIC
from events.partition import DEFAULT_PARTITIONS, partition_of
from infra.ids import new_id

ROWS_A_CHUNK = 5_000
STRIDE = 7_919
"""A prime: walking the channels in its steps visits each once a lap, never two neighbours in a row."""

COLUMNS = ("position", "version", "offset", "at", "partition", "schema",
           "id", "stream", "topic", "key", "type", "data", "meta")  # fmt: skip
SEALED = "Q" * 252
META = '{"actor":"user:0193a5b2-7c00-7000-8000-000000000001","correlation_id":"0193a5b2-7c00-7000-8000-000000000002"}'

CONSTRAINTS = """
select conname as name, pg_get_constraintdef(oid) as definition from pg_constraint
where conrelid = 'log.event'::regclass and contype in ('p', 'u') order by conname"""


class Loader:
    """Makes the rows of a history, in order.

    Args:
        channels: the streams; event number n goes to channel n * STRIDE, counted round.
    """

    def __init__(self, channels: Sequence[UUID]) -> None:
        self._keys = [str(channel) for channel in channels]
        self._partitions = [partition_of(key, DEFAULT_PARTITIONS) for key in self._keys]
        self._offsets = [0] * DEFAULT_PARTITIONS
        self._author = str(new_id())
        self._at = datetime.now(UTC).isoformat()

    def line(self, number: int) -> str:
        """The row of the event of that number (from 0) in COPY's text format."""
        place = number * STRIDE % len(self._keys)
        key, partition = self._keys[place], self._partitions[place]
        self._offsets[partition] += 1
        event_id = f"0193a5b2-{number >> 16 & 0xFFFF:04x}-7{number >> 32:03x}-8000-{number:012x}"
        data = f'{{"channel_id":"{key}","author_id":"{self._author}","sealed":"{SEALED}"}}'
        return (
            f"{number + 1}\t{number // len(self._keys) + 1}\t{self._offsets[partition]}\t{self._at}\t{partition}\t1\t"
            f"{event_id}\tchannel-{key}\t{TOPIC}\t{key}\tMessageSent\t{data}\t{META}\n"
        )

    async def chunks(self, events: int) -> AsyncIterator[bytes]:
        """The whole history as COPY takes it."""
        for start in range(0, events, ROWS_A_CHUNK):
            yield "".join(map(self.line, range(start, min(start + ROWS_A_CHUNK, events)))).encode()


async def load_history(url: str, channels: Sequence[UUID], events: int) -> None:
    """Fill an empty, migrated log; its indexes are built afterwards, which is many times quicker.

    Args:
        url: the database, as its owner.
        channels: the streams; each gets the same number of events, give or take one.
        events: how many events in all.
    """
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("set maintenance_work_mem = '512MB'")
        constraints = await connection.fetch(CONSTRAINTS)
        for constraint in constraints:
            await connection.execute(f'alter table log.event drop constraint "{constraint["name"]}"')
        await connection.copy_to_table(
            "event", schema_name="log", columns=COLUMNS, source=Loader(channels).chunks(events), timeout=3600
        )
        for constraint in constraints:
            await connection.execute(
                f'alter table log.event add constraint "{constraint["name"]}" {constraint["definition"]}'
            )
        await connection.execute("vacuum analyze log.event")
        await connection.execute("checkpoint")
    finally:
        await connection.close()
