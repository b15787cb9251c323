"""What the topics may look like without anybody missing an event or seeing one twice; and what must stop everything."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Collection
from uuid import UUID

import asyncpg
import pytest
import pytest_asyncio
from prometheus_client import REGISTRY

from events.bookmark import Place
from events.cloudevents import history_header, to_headers
from events.courses import TOPIC as COURSES
from events.enrollments import TOPIC as ENROLLMENTS
from events.errors import BrokenLog
from events.recorded import Recorded
from tests.contract.following import PATIENCE_SECONDS, Memory, by_place, happenings, until_caught_up
from tests.contract.publishing import Publisher, own_cluster, publisher
from tests.contract.test_kafka_log import kafka_log
from tests.contract.test_postgres_log import postgres_log
from tests.written_log import WrittenLog

TOPICS = (COURSES, ENROLLMENTS)
LONG_MS = 3_500
PROMPTLY_SECONDS = 2.5
"""Less than a request stays open, in this test, that finds nothing new."""
DEAD_LETTERS = (
    "select topic, partition, key, value, headers::text, error from projection.dead_letter order by 1, 2, kafka_offset"
)


class Scene:
    """A log in PostgreSQL with three partitions, and topics that may hold something else."""

    def __init__(self, url: str, kafka: Publisher, admin: asyncpg.Connection, log_id: UUID) -> None:
        self.url, self.kafka, self.admin, self.log_id = url, kafka, admin, log_id
        self.log = WrittenLog(kafka.partitions)

    async def happen(self, events: int) -> list[Recorded]:
        """More happens; it is stored in PostgreSQL, and nobody publishes it."""
        before = len(self.log.events)
        happenings(self.log, events)
        await self.log.store(self.url)
        return self.log.events[before:]

    async def publish(self, events: Collection[Recorded]) -> None:
        await self.kafka.publish(list(events), self.log_id)

    async def read(self, memory: Memory | None = None, batch_size: int = 50) -> list[Recorded]:
        """What a follower gets until it has caught up, noted in `memory`."""
        async with kafka_log(self.url, self.kafka.cluster).follow(
            TOPICS, memory or Memory(), batch_size=batch_size
        ) as items:
            return await until_caught_up(items, memory)

    def everything(self) -> dict[Place, list[Recorded]]:
        return by_place(self.log.events)

    def busiest(self) -> list[Place]:
        """The places with the most events first: keys are made by chance, so some place may have none."""
        everything = self.everything()
        return sorted(everything, key=lambda place: -len(everything[place]))


@pytest_asyncio.fixture(loop_scope="session")
async def scene(database_url: str, kafka_server: str) -> AsyncIterator[Scene]:
    admin = await asyncpg.connect(database_url)
    await admin.execute("update log.installation set partitions = 3")
    log_id = await admin.fetchval("select log_id from log.installation")
    async with publisher(own_cluster(kafka_server), TOPICS, 3) as kafka:
        yield Scene(database_url, kafka, admin, log_id)
    await admin.close()


def counted(name: str, topic: str = COURSES) -> float:
    return REGISTRY.get_sample_value(f"{name}_total", {"topic": topic}) or 0.0


# -- duplicates and gaps -----------------------------------------------------------------------------------------------


async def test_what_was_published_twice_is_delivered_once(scene: Scene) -> None:
    events = await scene.happen(200)
    for part in (events[:120], events[40:160], events):
        await scene.publish(part)
    before = counted("mimo_topic_duplicates")
    assert by_place(await scene.read()) == scene.everything()
    assert counted("mimo_topic_duplicates") - before == sum(e.topic == COURSES for e in events[:120] + events[40:160])


@pytest.mark.parametrize("batch_size", [7, 1000])
async def test_what_the_topics_lack_comes_from_the_log(scene: Scene, batch_size: int) -> None:
    events = await scene.happen(600)
    chance = random.Random(4)
    lacking = {event.id for event in events[:-60] if chance.random() < 0.1} | {e.id for e in events[200:300]}
    await scene.publish([event for event in events if event.id not in lacking])
    before = counted("mimo_topic_filled_events")
    assert by_place(await scene.read(batch_size=batch_size)) == scene.everything()
    assert counted("mimo_topic_filled_events") - before == sum(e.topic == COURSES for e in events if e.id in lacking)


async def test_what_neither_the_topics_nor_the_log_have_stops_everything(scene: Scene) -> None:
    events = await scene.happen(90)
    gone = next(event for event in events if event.topic == COURSES and event.offset == 2)
    await scene.publish([event for event in events if event.id != gone.id])
    await scene.admin.execute("delete from log.event where id = $1", gone.id)
    with pytest.raises(BrokenLog, match="the log lacks"):
        await scene.read()


# -- other histories ---------------------------------------------------------------------------------------------------


async def test_records_of_another_history_stop_everything_and_say_what_to_do(scene: Scene) -> None:
    await scene.publish(await scene.happen(30))
    await scene.admin.execute("update log.installation set log_id = gen_random_uuid()")
    with pytest.raises(BrokenLog, match=r"another history.*mimo topics delete"):
        await scene.read()


@pytest.mark.parametrize("restored", ["shorter", "gone another way"])
async def test_topics_that_hold_more_than_a_restored_log_stop_everything(scene: Scene, restored: str) -> None:
    events = await scene.happen(60)
    await scene.publish(events)
    if restored == "shorter":
        await scene.admin.execute("delete from log.event where position > 50")
    else:
        await scene.admin.execute("update log.event set id = gen_random_uuid() where position > 50")
    with pytest.raises(BrokenLog, match=r"restored from an older backup\?.*mimo doctor"):
        await scene.read(batch_size=1000)


# -- records that are no events ----------------------------------------------------------------------------------------


async def test_garbage_is_put_aside_as_it_was_and_loses_nothing(scene: Scene) -> None:
    await scene.happen(200)
    place = scene.busiest()[0]
    events = scene.everything()[place]
    stood_for = events[3]
    broken = [(name, value) for name, value in to_headers(stood_for, history_header(scene.log_id)) if name != "ce_id"]
    await scene.publish(events[:3])
    await scene.kafka.put(place, b"key", None)
    await scene.kafka.put(place, None, b"\xff\x00", [("strange", b"\xfe")])
    await scene.kafka.put(place, b"k", b"{}", broken)
    await scene.publish(events[4:])
    for _ in range(2):  # the second time it is only met again
        assert by_place(await scene.read()) == {place: events}
    letters = await scene.admin.fetch(DEAD_LETTERS)
    assert [tuple(letter)[:5] for letter in letters[:2]] == [
        (*place, b"key", None, "[]"),
        (*place, None, b"\xff\x00", '[["strange","/g=="]]'),
    ]
    assert "ce_id" in letters[2]["error"]
    assert len(letters) == 3


async def test_garbage_at_the_very_end_holds_up_nothing_that_is_in_the_log(scene: Scene) -> None:
    """Nothing comes after it that would show what it stood in for."""
    events = await scene.happen(60)
    last = next(event for event in reversed(events) if event.topic == COURSES)
    await scene.publish([event for event in events if event.id != last.id])
    await scene.kafka.put((COURSES, last.partition), last.key.encode(), b"{}")
    assert by_place(await scene.read()) == scene.everything()
    await scene.publish([last])
    memory = Memory()
    assert by_place(await scene.read(memory)) == scene.everything()
    assert await scene.read(memory) == []


@pytest.mark.parametrize(
    "headers",
    [
        [("ce_mimooffset", None)],
        [("ce_mimooffset", b"9" * 5000)],
        {"ce_mimolog": None},
        {"ce_mimooffset": b"-1"},
        {"ce_mimooffset": b"%d" % 2**63},
        {"ce_mimoposition": b"x"},
    ],
    ids=str,
)
async def test_no_header_whatever_it_holds_breaks_a_follower(scene: Scene, headers: object) -> None:
    events = await scene.happen(60)
    sound = next(event for event in events if event.topic == COURSES)
    if isinstance(headers, dict):
        headers = list({**dict(to_headers(sound, history_header(scene.log_id))), **headers}.items())
    assert isinstance(headers, list)
    await scene.kafka.put((COURSES, sound.partition), b"k", b"{}", headers)
    await scene.publish(events)
    assert by_place(await scene.read()) == scene.everything()
    half = {place: len(some) // 2 for place, some in scene.everything().items()}
    assert by_place(await scene.read(Memory(half))) == {p: e[half[p] :] for p, e in scene.everything().items()}


# -- where to begin ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "wrong",
    [lambda hint: 0, lambda hint: hint // 2, lambda hint: hint - 1, lambda hint: hint + 1, lambda hint: 10**9],
    ids=["the beginning", "half", "one before", "one after", "beyond the end"],
)
async def test_a_wrong_hint_does_no_harm(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, wrong: Callable[[int], int]
) -> None:
    monkeypatch.setattr("infra.event_log.sieve.NEAR_EVENTS", 3)
    await scene.publish(await scene.happen(900))
    memory = Memory()
    await scene.read(memory)
    more = await scene.happen(300)
    await scene.publish(more)
    memory.hints = {place: wrong(hint) for place, hint in memory.hints.items()}
    before = counted("mimo_topic_gaps")
    assert by_place(await scene.read(memory)) == by_place(more)
    assert counted("mimo_topic_gaps") == before, "a wrong hint is no gap"


async def test_a_right_hint_spares_the_search(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    await scene.publish(await scene.happen(90))
    memory = Memory()
    await scene.read(memory)
    more = await scene.happen(90)
    await scene.publish(more)

    def searched(*_: object) -> None:
        raise AssertionError("it searched")

    monkeypatch.setattr("infra.event_log.kafka_cursor.find", searched)
    assert by_place(await scene.read(memory)) == by_place(more)


async def test_checkpoints_ahead_of_the_topics_wait_for_them(scene: Scene) -> None:
    """As after embedded mode, or while topics are refilled."""
    events = await scene.happen(300)
    await scene.publish(events[:150])
    memory = Memory({place: len(some) for place, some in scene.everything().items()})
    async with kafka_log(scene.url, scene.kafka.cluster).follow(TOPICS, memory) as items:
        assert await until_caught_up(items) == []
        await scene.publish(events[150:])
        more = await scene.happen(30)
        await scene.publish(more)
        got: list[Recorded] = []
        async with asyncio.timeout(PATIENCE_SECONDS):
            while len(got) < len(more):
                got += await until_caught_up(items)
    assert by_place(got) == by_place(more)


# -- what cannot be read -----------------------------------------------------------------------------------------------


async def test_aborted_records_at_the_end_are_passed_at_once(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("infra.event_log.kafka_cursor.FETCH_WAIT_MS", LONG_MS)
    events = await scene.happen(200)
    await scene.publish(events[:100])
    for _ in range(5):
        await scene.kafka.abort(events[100:], scene.log_id)
    loop = asyncio.get_running_loop()
    for memory in (Memory(), Memory({place: len(some) for place, some in by_place(events[:100]).items()})):
        took: list[float] = []
        while not took or min(took) >= PROMPTLY_SECONDS:  # a busy machine is slow once, who waits for a fetch always
            assert len(took) < 4, took
            async with kafka_log(scene.url, scene.kafka.cluster).follow(TOPICS, memory) as items:
                await anext(items)
                started, got = loop.time(), await until_caught_up(items)
                took.append(loop.time() - started)
            assert by_place(got) in ({}, by_place(events[:100]))
    await scene.publish(events[100:])
    assert by_place(await scene.read()) == scene.everything()


async def test_an_open_transaction_is_waited_for_and_hides_nothing_before_it(scene: Scene) -> None:
    events = await scene.happen(100)
    await scene.publish(events[:50])
    async with kafka_log(scene.url, scene.kafka.cluster).follow(TOPICS, Memory()) as items:
        await scene.kafka.producer.begin_transaction()
        await scene.kafka.send(events[50:], history_header(scene.log_id))
        got = await until_caught_up(items)
        assert by_place(got) == by_place(events[:50])
        await scene.kafka.producer.commit_transaction()
        async with asyncio.timeout(PATIENCE_SECONDS):
            while len(got) < len(events):
                got += await until_caught_up(items)
    assert by_place(got) == scene.everything()


# -- records and topics that go away -----------------------------------------------------------------------------------


async def test_what_expired_in_kafka_comes_from_the_log(scene: Scene) -> None:
    events = await scene.happen(300)
    await scene.publish(events)
    half, all_of_it, of_another = scene.busiest()[:3]
    await scene.kafka.delete_records(half, len(scene.everything()[half]) // 2)
    await scene.kafka.delete_records(all_of_it)
    await scene.kafka.delete_records(of_another)
    memory = Memory()
    assert by_place(await scene.read(memory)) == scene.everything()
    assert await scene.read(memory) == []
    more = await scene.happen(60)
    await scene.publish(more)
    assert by_place(await scene.read(memory)) == by_place(more)


async def test_topics_that_are_deleted_and_refilled_are_found_again(scene: Scene) -> None:
    memory, got = Memory(), list[Recorded]()
    events = await scene.happen(300)
    await scene.publish(events)
    async with kafka_log(scene.url, scene.kafka.cluster).follow(TOPICS, memory) as items:
        got += await until_caught_up(items, memory)
        await scene.kafka.delete_topics()
        await scene.kafka.make_topics()
        await scene.publish(events[:100])
        more = await scene.happen(90)
        await scene.publish(scene.log.events[100:])
        async with asyncio.timeout(PATIENCE_SECONDS):
            while len(got) < len(scene.log.events):
                got += await until_caught_up(items, memory)
    assert by_place(got) == scene.everything()
    assert len(more) == 90


# -- both logs ---------------------------------------------------------------------------------------------------------


async def test_the_same_checkpoints_serve_both_logs_in_turn(scene: Scene) -> None:
    memory, got = Memory(), list[Recorded]()
    logs = (kafka_log(scene.url, scene.kafka.cluster), postgres_log(scene.url))
    for number in range(6):
        events = await scene.happen(100)
        await scene.publish(events)
        async with logs[number % 2].follow(TOPICS, memory, batch_size=30) as items:
            got += await until_caught_up(items, memory)
    assert by_place(got) == scene.everything()
