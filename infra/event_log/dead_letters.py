"""Dead letters: records of our topics that cannot be read as events, kept as they were for somebody to look at.

Whatever such a record stood in for is in the log. It must not know why a record cannot be read.
"""

from __future__ import annotations

from base64 import b64encode
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import asyncpg
import msgspec
import structlog
from aiokafka.structs import ConsumerRecord

from events.bookmark import Place
from infra.event_log.measured import DEAD_LETTERS, DEAD_LETTERS_NOT_KEPT
from infra.event_log.tail import READ_TIMEOUT_SECONDS

MOST_RECORDS = 1_000
MOST_BYTES = 10_000_000
"""Of each partition: whoever writes rubbish into a topic must not fill the disk of the database."""

# More than one projection finds it, and each does after every restart until an event behind it has been applied.
_KEEP = """
    with so_far as (
        select count(*) as records, coalesce(sum(
                coalesce(pg_column_size(key), 0) + coalesce(pg_column_size(value), 0) + pg_column_size(headers)
            ), 0) as bytes,
            count(*) filter (where kafka_offset = $3 and timestamp_ms = $4) > 0 as known
        from projection.dead_letter where topic = $1 and partition = $2),
    kept as (
        insert into projection.dead_letter (topic, partition, kafka_offset, timestamp_ms, key, value, headers, error)
        select $1, $2, $3, $4, $5, $6, $7::text::json, $8 from so_far
        where records < $9
          and bytes + octet_length(coalesce($5::bytea, '') || coalesce($6::bytea, '')) + octet_length($7::text) <= $10
        on conflict do nothing returning 1)
    select known or exists (select from kept) from so_far"""
_log = structlog.get_logger("mimo.dead_letters")


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A record and what is wrong with it.

    Args:
        place: the topic as the log knows it, and the partition.
        record: as Kafka has it.
        error: what is wrong, without its data.
    """

    place: Place
    record: ConsumerRecord
    error: str


async def keep(connection: asyncpg.Connection, letters: Sequence[DeadLetter]) -> None:
    """Puts records aside, loudly; those that are there already stay as they are.

    Of each partition so many are kept, the first ones; of the others only their number is told.
    """
    not_kept: Counter[Place] = Counter()
    for letter in letters:
        DEAD_LETTERS.labels(letter.place[0]).inc()
        if letter.place in not_kept or not await _kept(connection, letter):
            not_kept[letter.place] += 1
    for (topic, partition), records in not_kept.items():
        DEAD_LETTERS_NOT_KEPT.labels(topic).inc(records)
        _log.error("dead_letters_not_kept", topic=topic, partition=partition, records=records)


async def _kept(connection: asyncpg.Connection, letter: DeadLetter) -> bool:
    record, (topic, partition) = letter.record, letter.place
    headers = [(name, None if value is None else b64encode(value).decode()) for name, value in record.headers]
    kept: bool = await connection.fetchval(
        _KEEP,
        topic,
        partition,
        record.offset,
        record.timestamp,
        record.key,
        record.value,
        msgspec.json.encode(headers).decode(),
        letter.error,
        MOST_RECORDS,
        MOST_BYTES,
        timeout=READ_TIMEOUT_SECONDS,
    )
    if kept:
        _log.error("dead_letter", topic=topic, partition=partition, kafka_offset=record.offset, error=letter.error)
    return kept
