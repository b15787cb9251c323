"""The local Kafka broker comes up, goes down, and gets over every way of being killed."""

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from events.errors import CannotStart
from infra.folder_lock import FolderLock
from infra.kafka.broker import LocalBroker
from infra.kafka.configuration import DATA, HOST
from infra.kafka.jars import cache_folder, class_path
from infra.processes import has_ended
from infra.temporary_folder import sweep
from tests.kafka import PREFIX, end_left_over
from tests.system import ROOT
from tests.until import until

TOPIC = "kept"
ODD = "mimo-test Schüler, \"Kurse' & ${more} #1 \\n"
STARTER = """
import sys
from pathlib import Path
from infra.kafka.broker import LocalBroker
LocalBroker(Path(sys.argv[1]), 0).start()
print("up", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[LocalBroker]:
    broker = LocalBroker(tmp_path / "kafka", 0)
    yield broker
    broker.stop()


@pytest.fixture(scope="module")
def running() -> Iterator[LocalBroker]:
    """A broker that several tests share; its folder and that of its jars have names that make trouble."""
    with tempfile.TemporaryDirectory(prefix=ODD) as place, pytest.MonkeyPatch.context() as patch:
        jars = class_path()
        patch.setenv("XDG_CACHE_HOME", place)
        cache_folder().mkdir(parents=True)
        for jar in jars:
            shutil.copy(jar, cache_folder())
        broker = LocalBroker(Path(place) / "kafka", 0)
        try:
            broker.start()
            yield broker
        finally:
            broker.stop()


def process_of(broker: LocalBroker) -> psutil.Process:
    process = broker.process()
    assert process is not None
    return process


def write(broker: LocalBroker, *values: bytes) -> None:
    """Make the topic, if it is missing, and write records in one transaction."""

    async def written() -> None:
        admin = AIOKafkaAdminClient(bootstrap_servers=broker.bootstrap)
        await admin.start()
        await admin.create_topics([NewTopic(TOPIC, 1, 1)])
        await admin.close()
        producer = AIOKafkaProducer(bootstrap_servers=broker.bootstrap, transactional_id="writer", acks="all")
        await producer.start()
        async with producer.transaction():
            for value in values:
                await producer.send(TOPIC, value)
        await producer.stop()

    asyncio.run(written())


def read(broker: LocalBroker, count: int) -> list[bytes]:
    """The first records of the topic, committed ones only."""

    async def found() -> list[bytes]:
        consumer = AIOKafkaConsumer(bootstrap_servers=broker.bootstrap, isolation_level="read_committed")
        await consumer.start()
        try:
            consumer.assign([TopicPartition(TOPIC, 0)])
            await consumer.seek_to_beginning()
            return [(await consumer.getone()).value for _ in range(count)]
        finally:
            await consumer.stop()

    return asyncio.run(found())


def test_what_was_written_outlives_a_stop_and_a_kill(broker: LocalBroker) -> None:
    broker.start()
    write(broker, b"one", b"two")
    broker.stop()
    assert broker.process() is None
    broker.start()
    write(broker, b"three")
    process_of(broker).kill()
    broker.start()
    write(broker, b"four")
    assert read(broker, 4) == [b"one", b"two", b"three", b"four"]


def test_it_listens_on_this_machine_only(running: LocalBroker) -> None:
    connections = process_of(running).net_connections("inet")
    listening = [connection.laddr for connection in connections if connection.status == psutil.CONN_LISTEN]
    assert {address.ip.removeprefix("::ffff:") for address in listening} == {HOST}
    assert running.port in {address.port for address in listening}


def test_two_work_beside_each_other(running: LocalBroker, broker: LocalBroker) -> None:
    broker.start()
    write(broker, b"there")
    assert read(broker, 1) == [b"there"]
    assert running.standing().serving
    broker.stop()
    assert running.standing().serving


def test_its_folder_may_be_called_anything(running: LocalBroker) -> None:
    assert "Schüler" in str(running.folder)
    write(running, b"here")
    assert read(running, 1) == [b"here"]


def test_it_ends_with_the_process_that_started_it(tmp_path: Path) -> None:
    broker = LocalBroker(tmp_path / "kafka", 0)
    with subprocess.Popen(
        [sys.executable, "-c", STARTER, str(broker.folder)], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as starter:
        assert starter.stdout is not None
        assert starter.stdout.readline() == b"up\n"
        assert broker.standing().serving
        starter.kill()
    until(lambda: broker.process() is None, "the broker is gone")


def test_one_that_was_left_behind_is_ended_first_even_a_frozen_one(broker: LocalBroker) -> None:
    broker.start(tied=False)
    left_over = process_of(broker)
    left_over.send_signal(signal.SIGSTOP)
    again = LocalBroker(broker.folder, 0)
    again.start()
    assert has_ended(left_over)
    assert process_of(again).pid != left_over.pid
    again.stop()


def test_a_start_that_was_killed_while_formatting_is_made_good(broker: LocalBroker) -> None:
    half = broker.folder / "making" / DATA
    half.mkdir(parents=True)
    (half / "meta.properties").write_text("version=1\n")
    broker.prepare()
    assert not half.exists()
    assert "cluster.id=" in (broker.folder / DATA / "meta.properties").read_text()


def test_a_folder_that_it_cannot_use_is_said_with_kafkas_own_words(broker: LocalBroker) -> None:
    (broker.folder / DATA).mkdir(parents=True)
    (broker.folder / DATA / "meta.properties").write_text("version=1\ncluster.id=x\nnode.id=7\n")
    with pytest.raises(CannotStart, match=r"(?s)did not start on .*node"):
        broker.start()
    assert broker.process() is None


def test_a_port_that_is_taken_is_said(tmp_path: Path) -> None:
    with socket.create_server((HOST, 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(CannotStart, match=f"Port {port} is in use"):
            LocalBroker(tmp_path / "kafka", port).start()


def test_it_is_in_the_hands_of_one_at_a_time(broker: LocalBroker) -> None:
    other = LocalBroker(broker.folder)
    refused = pytest.raises(CannotStart, match=f"another mimo .pid {os.getpid()}")
    with broker.held(), refused, other.held():
        pass
    with other.held():
        pass


def test_it_writes_little_and_only_in_its_folder(running: LocalBroker) -> None:
    write(running, b"one")
    assert "started" in (running.folder / "server.log").read_text()
    assert (running.folder / "output.log").read_text() == ""
    assert running.standing().disk_bytes < 5_000_000
    opened = [Path(file.path) for file in process_of(running).open_files() if file.mode != "r"]
    assert opened
    assert not [path for path in opened if not path.is_relative_to(running.folder)]


def test_what_a_killed_test_run_left_is_swept_away() -> None:
    folder = Path(tempfile.mkdtemp(prefix=PREFIX))
    broker = LocalBroker(folder / "kafka", 0)
    broker.start(tied=False)
    lock = FolderLock(folder)
    assert lock.acquire()
    sweep(PREFIX, end_left_over)
    assert broker.standing().serving
    lock.release()
    sweep(PREFIX, end_left_over)
    assert not folder.exists()
    assert broker.process() is None
    broker.stop()
