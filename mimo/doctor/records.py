"""Reads every record of the topics and compares it with the log: the same events, once each, in order, without a gap.

Memory is bounded by what a fetch brings. It must not know the relay, nor who else reads the topics.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import aclosing
from uuid import UUID

import asyncpg

from events.bookmark import Place
from events.cloudevents import history_header
from infra.kafka.cluster import Cluster
from infra.relay.contents import Content, read_topic
from mimo.doctor.flaws import Flaws, Kind
from mimo.progress_bar import Told

ANEW = "Delete the topic (`mimo topics delete TOPIC`): the relay makes it again and fills it from the log."
GAPS = Kind("topics", "Events of the log that are not in the topics, though later ones are", ANEW)
TWICE = Kind("topics", "Events that stand in the topics more than once, or out of order", ANEW)
OTHER = Kind("topics", "Records with another event than the log has at their offset", ANEW)
FOREIGN = Kind("topics", "Records of another history", ANEW)
RUBBISH = Kind(
    "topics",
    "Records that are no events of ours",
    "Somebody else writes to the topics: take that right from them. mimo itself passes such records over.",
)

_LOG_ID = "select log_id from log.installation"
_ENDS = """
select e.topic, e.partition, max(e."offset") as last from log.event e group by e.topic, e.partition"""
_IDS = """
select e."offset", e.id from log.event e
where e.topic = $1 and e.partition = $2 and e."offset" = any ($3::bigint[])"""


class Records:
    """Compares the topics with a log.

    Args:
        connection: in a snapshot; what the log gets later is not looked at in the topics.
        cluster: where the topics are.
        flaws: gets what is wrong.
        tell: is told how far it is.
    """

    def __init__(self, connection: asyncpg.Connection, cluster: Cluster, flaws: Flaws, tell: Told) -> None:
        self.compared = 0
        self._connection, self._cluster, self._flaws, self._tell = connection, cluster, flaws, tell
        self._history = b""
        self._last: dict[Place, int] = {}
        self._next: dict[Place, int] = {}

    async def compare(self, partitions: Mapping[str, int]) -> None:
        """Reads all that is in the topics now, one topic after another.

        Args:
            partitions: how many each topic has, by the name that the log knows it by.

        Raises:
            KafkaError, OSError, TimeoutError, CannotStart: the cluster is away.
        """
        self._history = history_header(await self._connection.fetchval(_LOG_ID))
        rows = await self._connection.fetch(_ENDS)
        self._last = {(row["topic"], row["partition"]): row["last"] for row in rows}
        total = sum(last for (topic, _), last in self._last.items() if topic in partitions)
        for topic, number in partitions.items():
            async with aclosing(read_topic(self._cluster, topic, number)) as contents:
                async for content in contents:
                    await self._look(content)
                    self._tell("records", min(self.compared, total), total)

    async def _look(self, content: Content) -> None:
        place, found = content.place, self._ours(content)
        if content.whole:
            self._next.setdefault(place, 1)  # else the first ones have expired
        rows = await self._connection.fetch(_IDS, *place, [offset for offset, _ in found])
        ids = {row["offset"]: row["id"] for row in rows}
        for offset, event_id in found:
            if offset > self._last.get(place, 0):
                continue  # newer than the snapshot; where a topic ends is compared beside (infra/relay/audit.py)
            self.compared += 1
            self._follow(place, offset)
            if ids.get(offset) != event_id:
                self._flaws.note(OTHER, f"{_named(place)}: {event_id} as {offset}, in the log {ids.get(offset)}")

    def _follow(self, place: Place, offset: int) -> None:
        wanted = self._next.get(place, offset)
        if offset > wanted:
            missing = f"{wanted} to {offset - 1}" if offset - 1 > wanted else str(wanted)
            self._flaws.note(GAPS, f"{_named(place)}: {missing}", offset - wanted)
        elif offset < wanted:
            self._flaws.note(TWICE, f"{_named(place)}: {offset} after {wanted - 1}")
        self._next[place] = max(wanted, offset + 1)

    def _ours(self, content: Content) -> list[tuple[int, UUID]]:
        """Offset and id of those that are events of this history."""
        found = []
        for kafka_offset, published in content.records:
            if published is None:
                self._flaws.note(RUBBISH, f"{_named(content.place)}, Kafka's own offset {kafka_offset}")
            elif published.log_id != self._history:
                self._flaws.note(FOREIGN, f"{_named(content.place)}: {published.recorded.offset}")
            else:
                found.append((published.recorded.offset, published.recorded.id))
        return found


def _named(place: Place) -> str:
    return f"{place[0]}.{place[1]}"
