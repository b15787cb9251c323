"""Dead letters for people: records of Kafka's topics that could not be read as events, kept as they were.

Whatever event they stood in for has come from the log. It must not know who put them there, nor how they are printed.
"""

import base64
import json
import re
from datetime import UTC, datetime
from typing import Any

import asyncpg

from events.errors import CannotStart
from mimo.database import connected

APPLICATION = "mimo-dead-letters"
LIST = """
select topic, partition, kafka_offset, error, found_at from projection.dead_letter
order by found_at, topic, partition, kafka_offset, timestamp_ms
"""
SHOW = """
select topic, partition, kafka_offset, timestamp_ms, key, value, headers, error, found_at from projection.dead_letter
where topic = $1 and partition = $2 and kafka_offset = $3 order by timestamp_ms
"""
DISCARD = "delete from projection.dead_letter where topic = $1 and partition = $2 and kafka_offset = $3"

Where = tuple[str, int, int]
"""Topic, partition, and Kafka's own offset: a record that is no event has no other."""


def where_of(text: str) -> Where:
    """Reads a place as people write it.

    Args:
        text: `TOPIC.PARTITION:OFFSET`, as the list shows it.

    Raises:
        CannotStart: it is not of that form.
    """
    found = re.fullmatch(r"(.+)\.(\d{1,9}):(\d{1,18})", text)
    if found is None:
        raise CannotStart(f"{text!r} is no place of a record: write it as the list does, like mimo.messages.3:17.")
    return found[1], int(found[2]), int(found[3])


async def listed(url: str) -> list[asyncpg.Record]:
    """All of them: topic, partition, kafka_offset, error, found_at.

    Raises:
        CannotStart: the database is out of reach or not migrated.
    """
    async with connected(url, APPLICATION) as books:
        rows: list[asyncpg.Record] = await books.fetch(LIST)
        return rows


async def shown(url: str, where: Where) -> list[dict[str, Any]]:
    """A record as it was; a topic made anew may have had another one with the same offset.

    Raises:
        CannotStart: there is none at this place.
    """
    async with connected(url, APPLICATION) as books:
        rows = await books.fetch(SHOW, *where)
    if not rows:
        raise _unknown(where)
    return [_readable(row) for row in rows]


async def discard(url: str, where: Where) -> None:
    """Forget a record.

    Raises:
        CannotStart: there is none at this place.
    """
    async with connected(url, APPLICATION) as books:
        if await books.execute(DISCARD, *where) == "DELETE 0":
            raise _unknown(where)


def _unknown(where: Where) -> CannotStart:
    return CannotStart("There is no dead letter {}.{}:{}.".format(*where))


def _readable(row: asyncpg.Record) -> dict[str, Any]:
    """A record as JSON: texts as they are, other bytes in base64 with a name that says so."""
    headers = json.loads(row["headers"])
    return {
        "topic": row["topic"],
        "partition": row["partition"],
        "kafka_offset": row["kafka_offset"],
        "timestamp": datetime.fromtimestamp(row["timestamp_ms"] / 1000, UTC).isoformat(timespec="milliseconds"),
        **_text_or_base64("key", row["key"]),
        **_text_or_base64("value", row["value"]),
        "headers": [
            {"name": name, **_text_or_base64("value", None if value is None else base64.b64decode(value))}
            for name, value in headers
        ],
        "error": row["error"],
        "found_at": row["found_at"].isoformat(),
    }


def _text_or_base64(name: str, value: bytes | None) -> dict[str, str | None]:
    try:
        return {name: None if value is None else value.decode()}
    except UnicodeDecodeError:
        return {f"{name}_base64": base64.b64encode(value or b"").decode()}
