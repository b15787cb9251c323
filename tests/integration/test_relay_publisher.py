"""The traps of a transactional producer, each sprung on a real broker; and that nothing is left of a dropped one."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import suppress
from secrets import token_hex

import pytest
import pytest_asyncio
from aiokafka.admin import NewTopic
from aiokafka.producer import sender

from events.bookmark import Place
from events.catalog import TOPICS
from events.cloudevents import history_header
from events.contract.examples import HISTORY
from events.courses import CoursePublished
from events.errors import CannotStart
from events.messages import TOPIC as MESSAGES
from events.messages import MessageSent
from events.recorded import Recorded
from infra.ids import new_id
from infra.kafka.cluster import Cluster
from infra.kafka.topics import MAX_RECORD_BYTES, administration, delete_topics, ensure_topics, topic_settings
from infra.relay.ends import read_ends
from infra.relay.producer import REST_SECONDS
from infra.relay.publisher import BATCH_BYTES, KafkaPublisher
from infra.relay.trouble import Deposed, Refusal, Unsettled
from tests.topics import read_topics
from tests.written_log import WrittenLog

PARTITIONS = 2
CHANNEL = new_id()
Start = Callable[[], Awaitable[KafkaPublisher]]
LOG_ID = history_header(HISTORY)


@pytest_asyncio.fixture(loop_scope="session")
async def cluster(kafka_server: str) -> AsyncIterator[Cluster]:
    cluster = Cluster(kafka_server, prefix=f"publisher-{new_id().hex}-")
    await make_topics(cluster)
    yield cluster
    await delete_topics(cluster, TOPICS)


@pytest_asyncio.fixture(loop_scope="session")
async def publishers(cluster: Cluster) -> AsyncIterator[Start]:
    """Makes publishers that have started; drops them all at the end."""
    made = []

    async def start() -> KafkaPublisher:
        publisher = KafkaPublisher(cluster, known())
        made.append(publisher)
        await publisher.start()
        return publisher

    yield start
    for publisher in made:
        await publisher.drop()


async def make_topics(cluster: Cluster) -> None:
    """Makes what is missing, and waits until all partitions have leaders."""
    with suppress(CannotStart):  # one test makes a topic that takes only small records
        await ensure_topics(cluster, TOPICS, PARTITIONS)
    await read_ends(cluster, list(known()))


def known() -> dict[Place, int]:
    """Kafka's next offsets in empty topics."""
    return {(topic, number): 0 for topic in TOPICS for number in range(PARTITIONS)}


def messages(number: int, data: str | None = None, log: WrittenLog | None = None) -> list[Recorded]:
    """So many messages, all in one channel."""
    log = log or WrittenLog(PARTITIONS)
    author = log.person()
    return [log.add(MessageSent(channel_id=CHANNEL, author_id=author, text=str(n)), data=data) for n in range(number)]


async def published(cluster: Cluster) -> list[Recorded]:
    """What a reader of committed records sees of the messages."""
    topics = await read_topics(cluster, PARTITIONS, [MESSAGES])
    return [event.recorded for events in topics.values() for event in events]


async def publish(publisher: KafkaPublisher, events: Sequence[Recorded]) -> None:
    await publisher.publish(publisher.pack(events, LOG_ID))


async def test_a_batch_of_any_size_is_published_in_order(cluster: Cluster, publishers: Start) -> None:
    large = messages(30, '{"text":"' + token_hex(BATCH_BYTES // 16) + '"}')
    await publish(await publishers(), large)
    await publishers()  # which waits until everybody sees what was committed
    assert [event.id for event in await published(cluster)] == [event.id for event in large]


async def test_a_batch_that_kafka_refuses_is_not_committed_nor_what_is_beside_it(
    cluster: Cluster, publishers: Start
) -> None:
    await delete_topics(cluster, [MESSAGES])
    settings = {**topic_settings(1), "max.message.bytes": "2000"}
    async with administration(cluster) as admin:
        await admin.create_topics([NewTopic(cluster.topic(MESSAGES), PARTITIONS, 1, topic_configs=settings)])
    await make_topics(cluster)
    log = WrittenLog(PARTITIONS)
    beside = [log.add(CoursePublished(course_id=new_id())) for _ in range(5)]
    with pytest.raises(Refusal, match=r"max\.message\.bytes"):
        await publish(await publishers(), [*beside, *messages(1, '{"text":"' + token_hex(5_000) + '"}')])
    await publishers()
    assert not [place for place, events in (await read_topics(cluster, PARTITIONS)).items() if events]


async def test_an_event_that_no_topic_would_take_is_refused_before(publishers: Start) -> None:
    publisher = await publishers()
    with pytest.raises(Refusal, match="position 1 makes a record of"):
        publisher.pack(messages(1, '{"text":"' + "x" * MAX_RECORD_BYTES + '"}'), LOG_ID)


async def test_a_successor_fences_and_ends_what_was_open(cluster: Cluster, publishers: Start) -> None:
    log = WrittenLog(PARTITIONS)
    zombie = await publishers()
    await publish(zombie, messages(2, log=log))
    successor = await publishers()
    with pytest.raises(Deposed):
        await publish(zombie, messages(2, log=log))
    assert len(await published(cluster)) == 2
    await publish(successor, messages(2, log=log))
    await publishers()
    assert len(await published(cluster)) == 4


async def test_a_topic_made_anew_in_the_meantime_gets_nothing_from_the_middle(
    cluster: Cluster, publishers: Start
) -> None:
    log = WrittenLog(PARTITIONS)
    publisher = await publishers()
    await publish(publisher, messages(20, log=log))
    await delete_topics(cluster, TOPICS)
    await make_topics(cluster)
    with pytest.raises(Unsettled, match="begins anew"):
        await publish(publisher, messages(2, log=log))
    await publishers()
    assert await published(cluster) == []


async def test_nothing_is_left_of_a_publisher_dropped_in_mid_transaction(cluster: Cluster) -> None:
    """Warnings are errors: a task, socket or outcome that is forgotten would be told by the garbage collector."""
    before = asyncio.all_tasks()
    for turns in range(12):  # at another point each time
        publisher = KafkaPublisher(cluster, known())
        await publisher.start()
        publishing = asyncio.create_task(publish(publisher, messages(50)))
        for _ in range(turns * 4):
            await asyncio.sleep(0)
        publishing.cancel()
        with suppress(asyncio.CancelledError):
            await publishing
        await publisher.drop()
    assert asyncio.all_tasks() == before
    gc.collect()


async def test_a_publisher_that_never_reached_kafka_can_be_dropped() -> None:
    publisher = KafkaPublisher(Cluster("127.0.0.1:9", prefix="nowhere"), known())
    with pytest.raises(Unsettled):
        await publisher.start()
    await publisher.drop()


def test_aiokafka_still_rests_as_long_as_we_shorten() -> None:
    assert pytest.approx(10 * REST_SECONDS) == sender.BACKOFF_OVERRIDE, "look at infra/relay/producer.py again"
