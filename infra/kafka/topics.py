"""The topics of an installation: made with what the log promises, checked when they are there, deleted on request.

It must not know what is in them.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import for_code

from events.errors import CannotStart
from infra.kafka.cluster import AWAY, Cluster

FOR_EVER = "-1"
MAX_RECORD_BYTES = 1_048_588
"""Kafka's own default, said aloud: no event comes near it (the APIs take bodies of much less)."""
EXISTS_ALREADY = 36
UNKNOWN_TOPIC = 3


def topic_settings(replication: int) -> dict[str, str]:
    """The settings of a topic that distributes the log.

    Args:
        replication: copies of it; with three or more, two must have an event before it counts as published.
    """
    return {
        "cleanup.policy": "delete",  # never compacted: every event counts
        "retention.ms": FOR_EVER,
        "retention.bytes": FOR_EVER,
        "compression.type": "producer",
        "max.message.bytes": str(MAX_RECORD_BYTES),
        "min.insync.replicas": str(2 if replication >= 3 else 1),
        "message.timestamp.type": "CreateTime",
    }


@asynccontextmanager
async def administration(cluster: Cluster) -> AsyncIterator[AIOKafkaAdminClient]:
    """An admin client.

    Raises:
        CannotStart: the cluster is away or refuses us.
    """
    admin = AIOKafkaAdminClient(**cluster.client_options("admin"))
    try:
        await admin.start()
    except AWAY as error:
        await admin.close()
        raise CannotStart(f"Kafka at {cluster.bootstrap} cannot be reached: {error}.") from error
    try:
        yield admin
    finally:
        await admin.close()


async def ensure_topics(cluster: Cluster, names: Collection[str], partitions: int) -> None:
    """Makes the topics that are missing and checks the others.

    Args:
        cluster: where.
        names: as the log knows them.
        partitions: of each, as the installation has them.

    Raises:
        CannotStart: the cluster refuses, or a topic that is there has another number of partitions.
    """
    async with administration(cluster) as admin:
        copies, settings = cluster.replication, topic_settings(cluster.replication)
        wanted = [NewTopic(cluster.topic(name), partitions, copies, topic_configs=settings) for name in names]
        answer = await admin.create_topics(wanted)
        for name, code, *rest in answer.topic_errors:
            if code not in (0, EXISTS_ALREADY):
                why = rest[0] if rest and rest[0] else for_code(code).__name__
                raise CannotStart(f"Kafka does not make the topic {name}: {why}.")
        for found in await admin.describe_topics([cluster.topic(name) for name in names]):
            if found["error_code"] == 0 and len(found["partitions"]) != partitions:
                raise CannotStart(
                    f"The topic {found['topic']} has {len(found['partitions'])} partitions, the log {partitions}: "
                    "delete the topic, it is refilled from the log, or choose another MIMO_KAFKA_PREFIX."
                )


async def delete_topics(cluster: Cluster, names: Collection[str]) -> list[str]:
    """Deletes the installation's topics; those that are not there are left out.

    Returns:
        What the deleted ones were called on the cluster.

    Raises:
        CannotStart: the cluster is away or refuses.
    """
    async with administration(cluster) as admin:
        present = set(await admin.list_topics())
        doomed = [topic for topic in map(cluster.topic, names) if topic in present]
        if doomed:
            answer = await admin.delete_topics(doomed)
            for name, code, *_ in answer.topic_error_codes:
                if code not in (0, UNKNOWN_TOPIC):
                    raise CannotStart(f"Kafka does not delete the topic {name}: {for_code(code).__name__}.")
        return doomed
