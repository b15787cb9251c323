"""Records at which aiokafka itself stumbles: those that any producer may write, and those that a disk has damaged."""

from __future__ import annotations

import asyncio

import pytest
from aiokafka.consumer import fetcher
from aiokafka.errors import CorruptRecordException
from aiokafka.record.default_records import _DefaultRecordBatchBuilderPy

from events.cloudevents import history_header
from events.ports import Away
from infra.kafka import records as reading
from tests.contract.following import PATIENCE_SECONDS, Memory, by_place, until_caught_up
from tests.contract.test_kafka_log import kafka_log
from tests.contract.test_kafka_trouble import DEAD_LETTERS, TOPICS, Scene, scene
from tests.odd_records import ODD, ODD_HEADERS, odd_producer, parts_of

__all__ = ["scene"]


@pytest.mark.parametrize("at", [0, 3, -1, None], ids=["first", "in the middle", "last", "alone"])
@pytest.mark.parametrize("batch_size", [2, 1000])
async def test_a_name_that_is_no_text_loses_nothing(scene: Scene, at: int | None, batch_size: int) -> None:
    """It stands in for an event, in a batch with others; what is in other partitions gets through as well."""
    await scene.happen(200)
    place = scene.busiest()[0]
    events = scene.everything()[place]
    await scene.publish([event for event in scene.log.events if event not in events])
    records = [parts_of(event, history_header(scene.log_id)) for event in events]
    async with odd_producer(scene.kafka.cluster) as odd:
        if at is None:
            await odd.write(place, records)
            await odd.write(place, [ODD])
        else:
            records[at] = ODD
            await odd.write(place, records)
    for _ in range(2):  # the second time it is only met again
        assert by_place(await scene.read(batch_size=batch_size)) == scene.everything()
    letters = await scene.admin.fetch(DEAD_LETTERS)
    assert [tuple(letter)[:5] for letter in letters] == [(*place, b"key", b"value", ODD_HEADERS)]
    assert "ce_" in letters[0]["error"]


@pytest.mark.parametrize("compression", ["gzip", "lz4", "snappy", "zstd"])
async def test_names_that_are_no_text_are_read_in_compressed_batches_too(scene: Scene, compression: str) -> None:
    await scene.happen(100)
    place = scene.busiest()[0]
    await scene.publish([event for event in scene.log.events if (event.topic, event.partition) != place])
    records = [parts_of(event, history_header(scene.log_id)) for event in scene.everything()[place]]
    async with odd_producer(scene.kafka.cluster, compression) as odd:
        await odd.write(place, [records[0], ODD, *records[1:], ODD])
    assert by_place(await scene.read()) == scene.everything()


async def test_names_that_are_no_text_do_not_hinder_the_search_for_a_place(scene: Scene) -> None:
    await scene.happen(300)
    async with odd_producer(scene.kafka.cluster) as odd:
        for place, events in scene.everything().items():
            for start in range(0, len(events), 10):
                some = [parts_of(event, history_header(scene.log_id)) for event in events[start : start + 10]]
                await odd.write(place, [ODD, *some, ODD])
    half = {place: len(some) // 2 for place, some in scene.everything().items()}
    assert by_place(await scene.read(Memory(half))) == {p: e[half[p] :] for p, e in scene.everything().items()}


async def test_an_event_with_one_more_header_is_an_event_whatever_its_name(scene: Scene) -> None:
    await scene.happen(30)
    async with odd_producer(scene.kafka.cluster) as odd:
        for place, events in scene.everything().items():
            parts = [parts_of(event, history_header(scene.log_id)) for event in events]
            await odd.write(place, [(key, value, headers + ODD[2]) for key, value, headers in parts])
    assert by_place(await scene.read()) == scene.everything()
    assert not await scene.admin.fetch(DEAD_LETTERS)


async def test_damaged_records_are_waited_for_and_said_in_a_sentence(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    await scene.publish(await scene.happen(60))
    damaged = True

    class Damaged(reading._Records):
        def __init__(self, content: bytes) -> None:
            super().__init__(content[:-1] + bytes([content[-1] ^ 1]) if content and damaged else content)

    monkeypatch.setattr(reading, "_Records", Damaged)
    async with kafka_log(scene.url, scene.kafka.cluster).follow(TOPICS, Memory()) as items:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not isinstance(item := await anext(items), Away):
                continue
        assert item.reason.startswith("Kafka sends records that are damaged (Invalid CRC")
        damaged = False
        assert by_place(await until_caught_up(items)) == scene.everything()


def test_what_is_no_batch_at_all_is_not_made_up() -> None:
    builder = _DefaultRecordBatchBuilderPy(2, 0, 0, -1, -1, -1, 2**20)
    builder.append(0, 0, *ODD)
    content = builder.build()
    reading.read_any_header()
    assert [record.headers for record in fetcher.MemoryRecords(bytes(content)).next_batch()] == [[("\\xff\\xfe", b"v")]]
    content[-2] = 0x7F  # the length of the header's value
    with pytest.raises(CorruptRecordException):
        list(fetcher.MemoryRecords(bytes(content)).next_batch())
