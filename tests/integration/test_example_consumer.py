"""The example consumer counts every message once, however often it is killed, and stops where it would miscount."""

import asyncio
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import closing
from pathlib import Path
from uuid import UUID

import msgspec
import pytest
import pytest_asyncio

from events.messages import ChannelOpened, MessageDeleted, MessageSent
from events.recorded import Recorded
from infra.ids import new_id
from tests.documents import blocks, section
from tests.odd_records import odd_producer
from tests.system import ROOT
from tests.until import until
from tests.written_log import WrittenLog
from tests.written_topics import WrittenTopics, written_topics

PAGE = ROOT / "docs" / "consumers.md"
PARTITIONS = 3
PLANTED = "the planted text"
TOPIC = "mimo.messages"
END_SECONDS = 30.0

Counts = dict[tuple[str, str], int]


class Example:
    """One database and the processes that fill it, one after the other."""

    def __init__(self, topics: WrittenTopics, folder: Path) -> None:
        self.file = folder / "counts.db"
        self.log = folder / "output.txt"
        here = {"python": sys.executable, "localhost:9092": topics.cluster.bootstrap, "counts.db": str(self.file)}
        here[TOPIC] = topics.cluster.topic(TOPIC)
        install, start = blocks(section(PAGE, "An example to copy"))[0].text.splitlines()
        assert install == "pip install 'aiokafka[zstd]'"
        self._command = [here.get(word, word) for word in start.split()]
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Starts it as docs/consumers.md says."""
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(self._command, cwd=ROOT, stdout=output, stderr=output)

    def kill(self) -> None:
        """As `kill -9` does, if it still runs."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    async def ended(self) -> str:
        """What it said when it had ended by itself, with an error."""
        assert self.process is not None
        assert await asyncio.to_thread(self.process.wait, END_SECONDS) == 1
        return self.log.read_text()

    def counts(self) -> Counts:
        """Messages per channel and day."""
        if not self.file.exists():
            return {}
        with closing(sqlite3.connect(f"file:{self.file}?mode=ro", uri=True, timeout=30)) as db:
            try:
                rows = db.execute("select channel, day, messages from said").fetchall()
            except sqlite3.OperationalError:  # the tables are not there yet
                return {}
        return {(channel, day): messages for channel, day, messages in rows}

    async def wait_for(self, log: WrittenLog) -> None:
        """Until it has counted what is in the log."""
        wanted = expected(log.events)
        await asyncio.to_thread(until, lambda: self.counts() == wanted, f"it has counted {wanted}")


def expected(events: list[Recorded]) -> Counts:
    """What has to be counted."""
    return dict(Counter((e.key, e.at.date().isoformat()) for e in events if e.type == "MessageSent"))


def talk(log: WrittenLog, channels: int, messages: int) -> list[Recorded]:
    """Channels are opened, messages sent, some deleted."""
    author = log.person()
    opened = [new_id() for _ in range(channels)]
    said = log.add_all(ChannelOpened(channel_id=c, course_id=new_id(), owner_id=author, name="c") for c in opened)
    said += log.add_all(
        MessageSent(channel_id=opened[number % channels], author_id=author, text=PLANTED) for number in range(messages)
    )
    last = UUID(said[-1].key)
    return [*said, log.add(MessageDeleted(channel_id=last, message_id=said[-1].id, deleted_by=author))]


@pytest_asyncio.fixture
async def topics(kafka_server: str) -> AsyncIterator[WrittenTopics]:
    async with written_topics(kafka_server, PARTITIONS) as made:
        yield made


@pytest.fixture
def log() -> WrittenLog:
    return WrittenLog(PARTITIONS)


@pytest.fixture
def example(topics: WrittenTopics, tmp_path: Path) -> Iterator[Example]:
    made = Example(topics, tmp_path)
    yield made
    if made.process is not None:
        made.kill()


async def test_it_counts_what_is_there_and_what_comes(topics: WrittenTopics, log: WrittenLog, example: Example) -> None:
    await topics.write(talk(log, 5, 40))
    example.start()
    await example.wait_for(log)
    await topics.write(talk(log, 2, 10))
    await example.wait_for(log)


async def test_killed_and_started_again_it_has_counted_each_message_once(
    topics: WrittenTopics, log: WrittenLog, example: Example
) -> None:
    for _ in range(4):
        before = example.counts()
        example.start()
        for _ in range(5):
            await topics.write(talk(log, 3, 20))
        await asyncio.to_thread(until, lambda: example.counts() != before, "it has begun to count")  # noqa: B023
        example.kill()
    example.start()
    await example.wait_for(log)


async def test_what_was_published_twice_is_counted_once(
    topics: WrittenTopics, log: WrittenLog, example: Example
) -> None:
    first = talk(log, 3, 20)
    await topics.write(first)
    await topics.write(first[5:])
    await topics.write(talk(log, 1, 5))
    example.start()
    await example.wait_for(log)


async def test_what_was_never_committed_is_not_counted(
    topics: WrittenTopics, log: WrittenLog, example: Example
) -> None:
    await topics.write(talk(log, 2, 10))
    await topics.write(talk(WrittenLog(PARTITIONS), 2, 10), abort=True)
    await topics.write(talk(log, 2, 10))
    example.start()
    await example.wait_for(log)


@pytest.mark.parametrize("running", [False, True])
async def test_topics_that_were_deleted_and_filled_again_change_nothing(
    topics: WrittenTopics, log: WrittenLog, example: Example, running: bool
) -> None:
    for number in range(10):  # each transaction costs an offset of Kafka's own
        await topics.write(talk(log, 1, number))
    example.start()
    await example.wait_for(log)
    if not running:
        example.kill()
    await topics.make_anew()
    await topics.write(log.events)
    await topics.write(talk(log, 4, 30))
    if not running:
        example.start()
    await example.wait_for(log)


async def test_records_that_are_no_events_stop_nothing(
    topics: WrittenTopics, log: WrittenLog, example: Example
) -> None:
    await topics.write(talk(log, 3, 20))
    async with odd_producer(topics.cluster) as odd:
        for partition in range(PARTITIONS):
            await odd.write((TOPIC, partition), [(None, None, []), (b"k", b"v", [("ce_mimooffset", b"\xff")])])
    await topics.write(talk(log, 3, 20))
    example.start()
    await example.wait_for(log)


def without_one(events: list[Recorded]) -> list[Recorded]:
    missing = max(events, key=lambda event: event.offset)
    return [event for event in events if (event.partition, event.offset) != (missing.partition, missing.offset - 1)]


def of_the_next_version(events: list[Recorded]) -> list[Recorded]:
    return [msgspec.structs.replace(event, schema=2) for event in events]


@pytest.mark.parametrize(
    ("spoil", "said"), [(without_one, "are missing"), (of_the_next_version, "MessageSent.v2: learn to read")]
)
async def test_it_stops_where_it_would_miscount(
    topics: WrittenTopics,
    log: WrittenLog,
    example: Example,
    spoil: Callable[[list[Recorded]], list[Recorded]],
    said: str,
) -> None:
    await topics.write(spoil(talk(log, 1, 20)))
    example.start()
    assert said in await example.ended()


async def test_it_does_not_mix_two_histories(topics: WrittenTopics, log: WrittenLog, example: Example) -> None:
    await topics.write(talk(log, 2, 10))
    example.start()
    await example.wait_for(log)
    counted = example.counts()
    await topics.write(talk(log, 6, 30), log_id=new_id())
    assert "restored from a backup" in await example.ended()
    assert example.counts() == counted


async def test_it_sees_that_texts_are_there_and_not_what_they_say(
    topics: WrittenTopics, log: WrittenLog, example: Example
) -> None:
    await topics.write(talk(log, 1, 10))
    example.start()
    await example.wait_for(log)
    with closing(sqlite3.connect(example.file)) as db:
        ((sealed,),) = db.execute("select sealed from said").fetchall()
        assert sealed > 10 * len(PLANTED)
        assert PLANTED not in "\n".join(db.iterdump())
