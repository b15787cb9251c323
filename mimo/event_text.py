"""Events for people: one line each, or one in full. What is sealed is said to be sealed.

Whatever data hold, nothing of it reaches the terminal as a control character. It must not know where events come from.
"""

from __future__ import annotations

import json
import re
from datetime import UTC
from typing import Any

from events.catalog import BY_NAME, PERSONAL, SEALED
from events.recorded import Recorded
from infra.event_log.json_lines import meta_of

LEAST_DATA_COLUMNS = 24
_ID = re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}([0-9a-f]{8})\b")
_PLAIN = re.compile(r"[^\s\"={}\[\]]+")


def event_line(event: Recorded, columns: int | None = None) -> str:
    """Time (UTC), position, type, stream@version, actor, and the beginning of the data; of ids the last 8 digits.

    Args:
        event: as the log holds it.
        columns: how long the line may be; None: as long as it is.
    """
    time = event.at.astimezone(UTC)
    actor = meta_of(event).actor
    head = (
        f"{time:%F %T}.{time.microsecond // 1000:03d}  {event.position:>7}  {event.type:<18}"
        f"  {short_ids(f'{event.stream}@{event.version}'):<24}  {short_ids(actor):<14}  "
    )
    line = printable(head + short_ids(_brief(event.data)))
    if columns is None or len(line) <= max(columns, len(head) + LEAST_DATA_COLUMNS):
        return line.rstrip()
    return line[: max(columns, len(head) + LEAST_DATA_COLUMNS) - 1] + "…"


def event_in_full(event: Recorded) -> str:
    """Everything that the log holds of an event, in lines."""
    meta = meta_of(event)
    fields = {
        "position": event.position,
        "id": event.id,
        "time": event.at.astimezone(UTC).isoformat(sep=" "),
        "type": f"{event.type}, schema {event.schema}",
        "stream": f"{event.stream}, version {event.version}",
        "topic": f"{event.topic}, partition {event.partition}, offset {event.offset}",
        "key": event.key,
        "actor": meta.actor,
        "correlation_id": meta.correlation_id,
        "causation_id": meta.causation_id,
        "traceparent": meta.traceparent,
    }
    lines = [f"{name:<15} {value}" for name, value in fields.items() if value != ""]
    lines += ["data", *_pretty(event.data)]
    if (personal := PERSONAL.get(event.type, ())) and f'"{SEALED}"' in event.data:
        subject = BY_NAME[event.type].contract.subject
        lines.append(f"{SEALED}: {', '.join(personal)}, with the key of {subject}; it is not opened here.")
    return "\n".join(printable(line) for line in lines)


def printable(text: str) -> str:
    """The text with everything that a terminal would not print as it is written out."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def short_ids(text: str) -> str:
    """A text with the last eight digits of each id in it."""
    return _ID.sub(r"…\1", text)


def _brief(data: str) -> str:
    parsed = json.loads(data)
    if not isinstance(parsed, dict):
        return data
    return " ".join(f"{name}={'(sealed)' if name == SEALED else _value(value)}" for name, value in parsed.items())


def _value(value: Any) -> str:
    if isinstance(value, str) and _PLAIN.fullmatch(value):
        return value
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _pretty(data: str) -> list[str]:
    return json.dumps(json.loads(data), indent=2, ensure_ascii=False).split("\n")
