"""Opening and closing clients of Kafka so that neither waits for ever: aiokafka's own ways do, when a broker is away.

It must not know what the clients read or write. The transactional producer has a module of its own
(`infra/relay/publisher.py`).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import CorruptRecordException
from aiokafka.structs import ConsumerRecord

from infra.kafka.cluster import Cluster, Unreachable
from infra.kafka.connections import know_connections
from infra.kafka.records import read_any_header

PATIENCE_SECONDS = 5.0
"""How long anything that is asked of Kafka may take. A request is given up a little earlier, by the client itself,
which can say more about it."""
REQUEST_TIMEOUT_MS = 4_000
CLOSE_SECONDS = 2.0
LARGEST_FETCH_BYTES = 2 * 1024 * 1024
"""From one partition: more than the largest batch (`infra/kafka/topics.py`), or a reader could get stuck before it."""


@asynccontextmanager
async def consumer(cluster: Cluster, name: str, **options: Any) -> AsyncIterator[AIOKafkaConsumer]:
    """A consumer without a group, read committed, that seeks by itself and never resets.

    Args:
        cluster: where.
        name: who it is, for the broker's logs.
        options: further arguments of aiokafka's consumer.

    Raises:
        KafkaError, OSError, TimeoutError: the cluster is away.
    """
    settings = {
        **cluster.client_options(name),
        "request_timeout_ms": REQUEST_TIMEOUT_MS,
        "group_id": None,
        "enable_auto_commit": False,
        "auto_offset_reset": "none",
        "isolation_level": "read_committed",
        "max_partition_fetch_bytes": LARGEST_FETCH_BYTES,
        **options,
    }
    read_any_header()
    reader = AIOKafkaConsumer(**settings)
    client = know_connections(reader._client)  # noqa: SLF001 - it has no public way
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            await reader.start()
        yield reader
    finally:
        client.cut()
        await undisturbed(reader.stop(), client.close())


def hold(reader: AIOKafkaConsumer, partitions: Iterable[TopicPartition]) -> None:
    """Assigns partitions, without reading any yet: seek and resume those that are to be read.

    Without it a consumer asked for offsets finds out only by errors, and slowly, which broker leads a partition.
    """
    reader.assign(list(partitions))
    for partition in reader.assignment():
        reader.seek(partition, 0)  # in the same breath: it would look for a committed offset otherwise
        reader.pause(partition)


async def fetched(
    reader: AIOKafkaConsumer, *partitions: TopicPartition, timeout_ms: int, limit: int | None = None
) -> Mapping[TopicPartition, Sequence[ConsumerRecord]]:
    """The next records of the partitions that are read; nothing when there are none for so long.

    Args:
        reader: as `consumer` gives it.
        partitions: of which ones; none: of all.
        timeout_ms: how long to wait for a first record.
        limit: the most records.

    Raises:
        Unreachable: the broker sends what it never took.
        KafkaError: the place is not there, or the topic may not be read.
    """
    try:
        found: Mapping[TopicPartition, Sequence[ConsumerRecord]] = await reader.getmany(
            *partitions, timeout_ms=timeout_ms, max_records=limit
        )
    except CorruptRecordException as error:
        raise Unreachable(
            f"Kafka sends records that are damaged ({error.args[0] if error.args else 'it does not say which'}). "
            "If that lasts, look after its disks and delete the topics (`mimo topics delete`): they are filled anew."
        ) from error
    return found


async def undisturbed(*works: Coroutine[Any, Any, None]) -> None:
    """Does what must not be done by half, each work in a task of its own, for a bounded time and whatever it raises.

    Closing a client is such a thing: interrupted, it leaves tasks and sockets behind, and it ends as if it had been
    cancelled when a request was just to be sent again. Whoever is cancelled meanwhile is so afterwards.
    """
    doing = asyncio.ensure_future(_one_after_another(works))
    try:
        await asyncio.shield(doing)
    except asyncio.CancelledError:
        await asyncio.wait((doing,))
        raise


async def _one_after_another(works: Iterable[Coroutine[Any, Any, None]]) -> None:
    for work in works:
        step = asyncio.ensure_future(work)
        await asyncio.wait((step,), timeout=CLOSE_SECONDS)
        if not step.done():
            step.cancel()
        elif not step.cancelled():
            step.exception()  # looked at, so that it is not reported as forgotten
