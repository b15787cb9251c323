"""What the topics of an installation are like on the cluster: partitions, copies, settings. It changes nothing.

It must not know what is in them, nor what they should be like.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from infra.kafka.cluster import Cluster
from infra.kafka.topics import administration, settings_of


@dataclass(frozen=True)
class Topic:
    """A topic as the cluster has it.

    Attributes:
        partitions: how many it has.
        copies: how many of each partition there are to be.
        settings: all of them that the cluster tells, by Kafka's own names.
    """

    partitions: int
    copies: int
    settings: Mapping[str, str]


async def inspect_topics(cluster: Cluster, names: Collection[str]) -> dict[str, Topic]:
    """Describes topics.

    Args:
        cluster: where.
        names: as the log knows them.

    Returns:
        By the same names, those that are there.

    Raises:
        Unreachable: the cluster is away or does not let us in.
    """
    by_topic = {cluster.topic(name): name for name in names}
    async with administration(cluster) as admin:
        described = await admin.describe_topics()  # all: one that is asked for by name may be made by the answer
        there = {found["topic"]: found["partitions"] for found in described if found["topic"] in by_topic}
        settings = await settings_of(admin, there)
    return {
        by_topic[topic]: Topic(len(parts), len(parts[0]["replicas"]), settings.get(topic, {}))
        for topic, parts in there.items()
    }
