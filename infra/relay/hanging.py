"""Transactions open though all of the relay's own have ended: it tries to end them, and says so when it cannot.

A broker that is killed can forget the end of a transaction in a partition: nothing after its beginning can be read by
anybody, for ever. If it was a relay's, a later transaction of the same id ends it; if it is a stranger's, or Kafka has
forgotten whose it was, only an operator can (docs/decisions/0019-kafkas-own-content-is-the-checkpoint.md).
It must not know how a transaction is ended, nor the log.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from events.bookmark import Place
from infra.kafka.cluster import Cluster
from infra.relay.ends import End
from infra.relay.trouble import Refusal

TRIES = 3
"""A broker that is killed in the middle of it can forget the end once more."""


class Hanging:
    """What was tried with transactions that are open.

    Args:
        cluster: where.
    """

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._tries: dict[tuple[Place, int], int] = {}

    def check(self, ends: Mapping[Place, End]) -> None:
        """Looks at partitions before anything is touched.

        Raises:
            Refusal: one that was tried often enough is still open: it is not one of ours.
        """
        left = [place for place in open_places(ends) if self._tries.get((place, ends[place].end), 0) >= TRIES]
        if left:
            raise Refusal(self._what_to_do(left[0], ends[left[0]].end, len(left) - 1))

    def tried(self, ends: Mapping[Place, End], places: Collection[Place]) -> None:
        """Notes that these were to be ended as ours; forgets all others, which have ended.

        Args:
            ends: as they were before.
            places: those.
        """
        now = [(place, ends[place].end) for place in places]
        self._tries = {each: self._tries.get(each, 0) + 1 for each in now}

    def _what_to_do(self, place: Place, offset: int, more: int) -> str:
        topic, partition = self._cluster.topic(place[0]), place[1]
        others = f" (and in {more} more partitions)" if more else ""
        return (
            f"Somebody has a transaction open in {topic}.{partition} since offset {offset}{others}, and the relay "
            "cannot end it: nothing that comes after it could be read. If its producer is at work, or died less than a "
            "quarter of an hour ago, it ends by itself. Otherwise end it: `kafka-transactions.sh --bootstrap-server "
            f"{self._cluster.bootstrap} abort --topic {topic} --partition {partition} --start-offset {offset}`, or "
            "delete the topics (`mimo topics delete`): they are refilled."
        )


def open_places(ends: Mapping[Place, End]) -> list[Place]:
    """The partitions in which a transaction is open."""
    return [place for place, end in ends.items() if end.end < end.written]
