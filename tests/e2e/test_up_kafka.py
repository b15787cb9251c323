"""`mimo up --kafka`: the same system through Kafka, with a broker of its own or with a cluster that settings name."""

import asyncio
import json
import signal
from pathlib import Path
from uuid import uuid4

import asyncpg
import psutil
import pytest
from aiokafka import AIOKafkaProducer

from infra.embedded_postgres import EmbeddedPostgres
from infra.kafka.jars import class_path
from infra.processes import matching, send
from tests.e2e.conftest import MakeSystem
from tests.e2e.school import demo, verify
from tests.system import System, run_mimo
from tests.until import until

KAFKA = ("--kafka-port", "0")
HELD = 'select topic, partition, max("offset") as last from log.event group by 1, 2 order by 1, 2'
CHECKPOINTS = """
select projection, generation, topic, partition, "offset" from projection.checkpoint
where "offset" > 0 order by 1, 2, 3, 4
"""
Row = tuple[object, ...]


@pytest.fixture(scope="module", autouse=True)
def jars() -> None:
    """Whatever has to be downloaded once is not part of anybody's start-up time."""
    class_path(print)


def ask(url: str, statement: str) -> list[Row]:
    async def fetch() -> list[Row]:
        connection = await asyncpg.connect(url)
        try:
            return [tuple(row) for row in await connection.fetch(statement)]
        finally:
            await connection.close()

    return asyncio.run(fetch())


def database_of(system: System) -> str:
    return EmbeddedPostgres(system.data / "postgres").url()


def use(system: System, journal: Path, messages: int) -> None:
    """Let a school use it; everything acknowledged is in the views at the end."""
    with demo(system, journal, "--messages", str(messages)) as school:
        output, _ = school.communicate(timeout=120)
    assert school.returncode == 0, output
    assert f"{messages} messages acknowledged: {messages} found" in output


def topics(*arguments: str, **environment: str) -> list[Row]:
    """What the topics hold: as the log counts it, where it holds anything."""
    listed = run_mimo("topics", "--json", *arguments, **environment)
    assert listed.returncode == 0, listed.stderr
    held = [holding for holding in json.loads(listed.stdout) if holding["events"]]
    assert all(holding["first"] == 1 for holding in held)
    prefix = environment.get("MIMO_KAFKA_PREFIX", "")
    return sorted((one["topic"].removeprefix(prefix), one["partition"], one["last"]) for one in held)


def test_a_newcomer_goes_through_kafka_and_finds_everything_there(make_system: MakeSystem, place: Path) -> None:
    system = make_system("--kafka", *KAFKA).start()
    data = ("--data", str(system.data))
    assert system.kafka is not None
    use(system, place / "journal", 30)
    assert topics(*data) == ask(database_of(system), HELD)
    doctor = run_mimo("doctor", *data)
    assert (doctor.returncode, doctor.stdout.splitlines()[-1]) == (0, "Nothing is wrong."), doctor.stdout
    for sentence in ("fine   topics: What they end with is in the log.", "fine   relay: It is ready", "fine   kafka: "):
        assert sentence in doctor.stdout
    deep = run_mimo("doctor", "--deep", *data)
    assert (deep.returncode, deep.stdout.splitlines()[-1]) == (0, "Nothing is wrong."), deep.stdout
    held = sum(int(str(row[2])) for row in topics(*data))
    assert f"fine   topics: All {held} records are the log's events, in order." in deep.stdout
    assert f"records: {held} of {held} events" in deep.stderr
    assert "Kafka is 0 events and 0.0 s behind" in run_mimo("status", *data).stdout
    mixed_up = run_mimo("doctor", *data, MIMO_SECRET_KEY="ab" * 32)
    assert "wrong  keys: The secret key is not the one that this database was made with" in mixed_up.stdout
    assert system.stop(signal.SIGINT) == 0
    assert system.is_gone()
    assert "Traceback" not in system.said()


def test_both_modes_take_turns_on_one_data_folder_and_nothing_is_built_again(
    make_system: MakeSystem, place: Path
) -> None:
    before: list[Row] = []
    for turn, options in enumerate([KAFKA, (), KAFKA]):
        system = make_system(*options).start()
        assert (system.kafka is not None) == bool(options)
        journal = place / f"journal-{turn}"
        use(system, journal, 20)
        checkpoints = ask(database_of(system), CHECKPOINTS)
        assert {row[1] for row in checkpoints} == {1}, "one generation each, from the first start on"
        now = {row[:4]: int(str(row[4])) for row in checkpoints}
        assert all(now[row[:4]] >= int(str(row[4])) for row in before)
        before = checkpoints
        if options:
            assert topics("--data", str(system.data)) == ask(database_of(system), HELD)
            for earlier in range(turn):
                verify(system, place / f"journal-{earlier}")
        assert system.stop() == 0


def test_a_cluster_that_settings_name_is_used_and_none_is_started(
    make_system: MakeSystem, place: Path, kafka_server: str, database_url: str
) -> None:
    prefix = f"{uuid4().hex}."
    named = {"MIMO_KAFKA_BOOTSTRAP": kafka_server, "MIMO_KAFKA_PREFIX": prefix, "MIMO_DATABASE_URL": database_url}
    system = make_system(**named).start()
    assert system.kafka == kafka_server
    assert not (system.data / "kafka").exists()
    use(system, place / "journal", 20)
    assert topics("--data", str(system.data), **named) == ask(database_url, HELD)

    asyncio.run(write_garbage(kafka_server, f"{prefix}mimo.messages"))
    until(lambda: "mimo.messages.0:" in run_mimo("dead-letters", **named).stdout, "the garbage is put aside")
    doctor = run_mimo("doctor", "--data", str(system.data), **named)
    assert (doctor.returncode, doctor.stdout.splitlines()[-1]) == (1, "Wrong: 1."), doctor.stdout
    assert "Records that could not be read as events: 1." in doctor.stdout

    deleted = run_mimo("topics", "delete", "--yes", "--data", str(system.data), **named)
    assert deleted.stdout.startswith(f"Deleted {prefix}mimo."), deleted.stderr
    until(lambda: topics(**named) == ask(database_url, HELD), "the relay has filled the topics again")
    assert system.stop() == 0
    assert "Traceback" not in system.said()


async def write_garbage(bootstrap: str, topic: str) -> None:
    async with AIOKafkaProducer(bootstrap_servers=bootstrap) as producer:
        await producer.send_and_wait(topic, b"garbage", partition=0)


def test_when_only_the_supervisor_is_killed_the_next_one_cleans_up_and_works(make_system: MakeSystem) -> None:
    first = make_system(*KAFKA, "--workers", "2").start()
    stopped = [*map(first.part, ("kafka.Kafka", "infra.relay", "query_api")), *first.postgres()]
    send(stopped, signal.SIGSTOP)  # so that they cannot notice that the supervisor dies
    first.supervisor.kill()
    second = make_system(*KAFKA).start()
    assert second.is_ready()
    assert not matching(lambda process: process.status() == psutil.STATUS_STOPPED, stopped)
    assert not matching(lambda process: process.ppid() != second.supervisor.pid, second.parts())


def test_a_port_that_is_taken_is_said_with_who_has_it(place: Path, kafka_server: str) -> None:
    port = kafka_server.rpartition(":")[2]
    refused = run_mimo("up", "--kafka-port", port, "--data", str(place / "data"))
    assert refused.returncode == 1
    assert f"Port {port} is in use by java" in refused.stderr
    assert "choose another with --kafka-port" in refused.stderr


def test_a_port_for_a_broker_is_refused_where_settings_name_a_cluster(place: Path) -> None:
    refused = run_mimo("up", *KAFKA, "--data", str(place / "data"), MIMO_KAFKA_BOOTSTRAP="127.0.0.1:9")
    assert (refused.returncode, refused.stderr) == (
        1,
        "mimo: MIMO_KAFKA_BOOTSTRAP names a cluster, so no broker is started: leave --kafka-port out.\n",
    )
