"""Whether the topics hold this log: the last event of each partition, compared with what the log has there.

A restored backup or a lossy fail-over of the database leaves Kafka with more than the log, or with something else.
Who finds that must stop: going on would mix two histories. It must not know how the ends were read.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence

import asyncpg

from events.bookmark import Place
from events.cloudevents import history_header
from infra.relay.ends import End

_LOG_ID = "select log_id from log.installation"
_THERE = """
    select c.topic, c.partition, c."offset", e.id, (
        select t."offset" from log.tail t where t.topic = c.topic and t.partition = c.partition
        order by t."offset" desc limit 1) as last
    from unnest($1::text[], $2::int[], $3::bigint[]) c (topic, partition, "offset")
    left join lateral (
        select t.id from log.tail t
        where t.topic = c.topic and t.partition = c.partition and t."offset" = c."offset" limit 1) e on true"""

Ask = Callable[..., Awaitable[Sequence[asyncpg.Record]]]
"""`connection.fetch`, or what stands for it."""


async def differences(ask: Ask, ends: Mapping[Place, End]) -> list[str]:
    """What contradicts the log, a sentence for each partition; nothing when all is well.

    Args:
        ask: asks the database.
        ends: where the partitions end.
    """
    ours = history_header((await ask(_LOG_ID))[0][0])
    last = {place: end.last for place, end in ends.items() if end.last is not None}
    rows = await ask(
        _THERE,
        [topic for topic, _ in last],
        [partition for _, partition in last],
        [event.offset for event in last.values()],
    )
    there = {(row["topic"], row["partition"]): row for row in rows}
    found = []
    for place, event in last.items():
        row, where = there[place], f"{place[0]}.{place[1]}"
        if event.log_id != ours:
            found.append(f"{where} holds another history, {event.log_id.decode()}, than the log, {ours.decode()}")
        elif row["id"] is None:
            found.append(f"{where} ends with event {event.offset} in Kafka, with {row['last'] or 0} in the log")
        elif row["id"] != event.event_id:
            found.append(f"{where} has event {event.event_id} as its {event.offset} in Kafka, {row['id']} in the log")
    return found


def refusal(found: Sequence[str]) -> str:
    """All differences as one text that says what to do."""
    more = f" (and {len(found) - 1} more partitions)" if len(found) > 1 else ""
    return (
        f"Kafka does not hold this log: {found[0]}{more}. Was the database restored from an older backup? Then give "
        "its history a new id (`mimo log renew`), and delete the topics (`mimo topics delete`): they are refilled. If "
        "another installation publishes there, choose another MIMO_KAFKA_PREFIX instead."
    )
