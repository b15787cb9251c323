"""Dead letters: records of our topics that cannot be read as events, kept as they were for somebody to look at.

Whatever such a record stood in for is in the log. It must not know why a record cannot be read.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass

import asyncpg
import msgspec
import structlog
from aiokafka.structs import ConsumerRecord

from events.bookmark import Place
from infra.event_log.measured import DEAD_LETTERS
from infra.event_log.tail import READ_TIMEOUT_SECONDS

# More than one projection finds it, and each does after every restart until an event behind it has been applied.
_KEEP = """
    insert into projection.dead_letter (topic, partition, kafka_offset, timestamp_ms, key, value, headers, error)
    values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict do nothing"""
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
    """Puts records aside, loudly; those that are there already stay as they are."""
    for letter in letters:
        record, (topic, partition) = letter.record, letter.place
        headers = [(name, None if value is None else b64encode(value).decode()) for name, value in record.headers]
        DEAD_LETTERS.labels(topic).inc()
        _log.error("dead_letter", topic=topic, partition=partition, kafka_offset=record.offset, error=letter.error)
        await connection.execute(
            _KEEP,
            topic,
            partition,
            record.offset,
            record.timestamp,
            record.key,
            record.value,
            msgspec.json.encode(headers).decode(),
            letter.error,
            timeout=READ_TIMEOUT_SECONDS,
        )
