"""The topics of an installation: made with what the log promises, checked when they are there, deleted on request.

It must not know what is in them.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager

from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import for_code

from events.errors import CannotStart
from infra.kafka.clients import PATIENCE_SECONDS, REQUEST_TIMEOUT_MS, consumer, hold, undisturbed
from infra.kafka.cluster import AWAY, Cluster, Unreachable
from infra.kafka.connections import know_connections
from infra.kafka.entrance import why_not_let_in

FOR_EVER = "-1"
NEVER = str(2**63 - 1)
MAX_RECORD_BYTES = 1_048_588
"""Kafka's own default, said aloud. The largest event that the APIs take makes a record of a tenth of it."""
SEGMENT_MS = 90 * 24 * 3600 * 1000
EXISTS_ALREADY = 36
POLL_SECONDS = 0.02
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
        # An event's time is the log's. Refused for it, an event would hold up all that follow.
        "message.timestamp.type": "CreateTime",
        "message.timestamp.before.max.ms": NEVER,
        "message.timestamp.after.max.ms": NEVER,
        # Not a file a week: refilling years of events would make thousands of them at once.
        "segment.ms": str(SEGMENT_MS),
    }


@asynccontextmanager
async def administration(cluster: Cluster) -> AsyncIterator[AIOKafkaAdminClient]:
    """An admin client.

    Raises:
        Unreachable: the cluster is away, now or in the middle.
    """
    admin = AIOKafkaAdminClient(**{**cluster.client_options("admin"), "request_timeout_ms": REQUEST_TIMEOUT_MS})
    know_connections(admin._client)  # noqa: SLF001 - it has no public way
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            await admin.start()
        yield admin
    except AWAY as error:
        reason = await why_not_let_in(cluster) or f"{type(error).__name__}: {error}".rstrip(": ")
        raise Unreachable(f"Kafka at {cluster.bootstrap} cannot be reached ({reason}).") from error
    finally:
        await undisturbed(admin.close())


async def ensure_topics(cluster: Cluster, names: Collection[str], partitions: int) -> None:
    """Makes the topics that are missing and checks the others.

    A topic that a broker made by itself, because somebody asked for it, and that is still empty, is put right.

    Args:
        cluster: where.
        names: as the log knows them.
        partitions: of each, as the installation has them.

    Raises:
        Unreachable: the cluster is away.
        CannotStart: the cluster refuses, or a topic that is there is not fit to hold the log; the text says why.
    """
    wanted = [cluster.topic(name) for name in names]
    async with administration(cluster) as admin:
        found = await _partitions(admin, wanted)
        if missing := [name for name in wanted if name not in found]:
            await _make(admin, missing, partitions, cluster.replication)
            found = await _all_partitions(admin, wanted)
        if fewer := {name: count for name, count in found.items() if count < partitions}:
            await _put_right(cluster, admin, fewer, partitions)
        if more := {name: count for name, count in found.items() if count > partitions}:
            raise _another_number(*more.popitem(), partitions)
        await _check_settings(admin, wanted)


async def delete_topics(cluster: Cluster, names: Collection[str]) -> list[str]:
    """Deletes the installation's topics; those that are not there are left out.

    Returns:
        What the deleted ones were called on the cluster.

    Raises:
        Unreachable: the cluster is away.
        CannotStart: the cluster refuses.
    """
    async with administration(cluster) as admin:
        present = set(await admin.list_topics())
        doomed = [topic for topic in map(cluster.topic, names) if topic in present]
        codes = (await admin.delete_topics(doomed)).topic_error_codes if doomed else ()
        for name, code, *_ in codes:
            if code not in (0, UNKNOWN_TOPIC):
                raise CannotStart(f"Kafka does not delete the topic {name}: {for_code(code).__name__}.")
        return [name for name, code, *_ in codes if code == 0]


async def settings_of(admin: AIOKafkaAdminClient, topics: Collection[str]) -> dict[str, dict[str, str]]:
    """The settings of topics; of those that may not be asked, none."""
    if not topics:
        return {}
    wanted = [ConfigResource(ConfigResourceType.TOPIC, topic) for topic in topics]
    answers = await admin.describe_configs(wanted)
    return {
        topic: {entry[0]: entry[1] for entry in entries}
        for answer in answers
        for code, _, _, topic, entries in answer.resources
        if code == 0
    }


async def _partitions(admin: AIOKafkaAdminClient, names: Collection[str]) -> dict[str, int]:
    """How many partitions each topic has, of those that are there."""
    every = await admin.describe_topics()  # one that is asked for by name may be made by the answer
    return {topic["topic"]: len(topic["partitions"]) for topic in every if topic["topic"] in names}


async def _all_partitions(admin: AIOKafkaAdminClient, names: Collection[str]) -> dict[str, int]:
    """The same once all of them are there: the broker that is asked may learn of them a little later."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while len(found := await _partitions(admin, names)) < len(names):  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(POLL_SECONDS)
    return found


async def _make(admin: AIOKafkaAdminClient, names: Collection[str], partitions: int, replication: int) -> None:
    settings = topic_settings(replication)
    answer = await admin.create_topics(
        [NewTopic(name, partitions, replication, topic_configs=settings) for name in names]
    )
    for name, code, *rest in answer.topic_errors:
        if code not in (0, EXISTS_ALREADY):
            why = rest[0] if rest and rest[0] else for_code(code).__name__
            raise CannotStart(f"Kafka does not make the topic {name}: {why}.")


async def _put_right(cluster: Cluster, admin: AIOKafkaAdminClient, found: Mapping[str, int], partitions: int) -> None:
    """Gives topics that were made by themselves our partitions and settings, if nothing was ever in them."""
    places = [TopicPartition(name, number) for name, count in found.items() for number in range(count)]
    async with consumer(cluster, "admin-ends", isolation_level="read_uncommitted") as reader:
        hold(reader, places)
        ends = await reader.end_offsets(places)
    for place, end in ends.items():
        if end > 0:
            raise _another_number(place.topic, found[place.topic], partitions)
    settings = topic_settings(cluster.replication)
    await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, name, settings) for name in found])
    await admin.create_partitions({name: NewPartitions(partitions) for name in found})


def _another_number(topic: str, found: int, wanted: int) -> CannotStart:
    return CannotStart(
        f"The topic {topic} has {found} partitions, the log {wanted}: delete the topic, it is refilled from the log, "
        "or choose another MIMO_KAFKA_PREFIX."
    )


async def _check_settings(admin: AIOKafkaAdminClient, names: Collection[str]) -> None:
    for name, settings in (await settings_of(admin, names)).items():
        if "compact" in settings.get("cleanup.policy", ""):
            raise CannotStart(f"The topic {name} is compacted, which loses events: set its cleanup.policy to delete.")
        if int(settings.get("max.message.bytes", MAX_RECORD_BYTES)) < MAX_RECORD_BYTES:
            raise CannotStart(
                f"The topic {name} refuses large events: set its max.message.bytes to {MAX_RECORD_BYTES}."
            )
