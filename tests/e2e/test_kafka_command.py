"""`mimo kafka` as people type it: each command a process of its own, the broker in the background."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.kafka.broker import LocalBroker
from infra.kafka.probe import answers
from tests.system import ANY_PORTS, ROOT, run_mimo
from tests.until import until


@pytest.fixture
def data(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path
    LocalBroker(tmp_path / "kafka").stop()


def kafka(data: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return run_mimo("kafka", *arguments, MIMO_DATA=str(data))


def test_from_start_to_wipe(data: Path) -> None:
    started = kafka(data, "start", "--port", "0")
    assert (started.returncode, started.stderr) == (0, "")
    assert started.stdout.count("\n") == 1, "no output of Kafka or Java in the terminal"
    status = kafka(data, "status", "--json")
    found = json.loads(status.stdout)
    assert status.returncode == 0
    assert (found["running"], found["serving"], found["folder"]) == (True, True, str(data / "kafka"))
    assert f"Kafka {found['version']} is running at {found['address']} (pid {found['pid']})" in started.stdout
    assert answers("127.0.0.1", int(found["address"].partition(":")[2]))

    again = kafka(data, "start")
    assert again.returncode == 0
    assert f"already running at {found['address']} (pid {found['pid']})" in again.stdout
    beside = run_mimo("up", "--kafka-port", "0", *ANY_PORTS, MIMO_DATA=str(data))
    assert beside.returncode == 1
    assert f"end it with `mimo kafka stop`, or use it by MIMO_KAFKA_BOOTSTRAP={found['address']}." in beside.stderr
    for refused in (kafka(data, "start", "--port", "1"), kafka(data, "wipe")):
        assert refused.returncode == 1
        assert "Stop it first: `mimo kafka stop`" in refused.stderr

    stopped = kafka(data, "stop")
    assert (stopped.returncode, stopped.stdout) == (0, f"Kafka in {data}/kafka is stopped.\n")
    assert LocalBroker(data / "kafka").process() is None
    assert kafka(data, "stop").stdout == f"Kafka in {data}/kafka was not running.\n"
    status = kafka(data, "status")
    assert status.returncode == 1
    assert "Kafka is not running" in status.stdout
    assert kafka(data, "wipe").returncode == 0
    assert [path.name for path in (data / "kafka").iterdir()] == ["lock"]


def test_where_none_was_ever_started_the_other_commands_say_so(data: Path) -> None:
    for command in ("stop", "status", "wipe"):
        refused = kafka(data, command)
        assert refused.returncode == 1
        assert "start one with `mimo kafka start`" in refused.stderr
    assert list(data.iterdir()) == []


def test_a_start_that_is_interrupted_leaves_no_broker_behind(data: Path) -> None:
    broker = LocalBroker(data / "kafka")
    with subprocess.Popen(
        [sys.executable, "-m", "mimo", "kafka", "start", "--port", "0", "--data", str(data)],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    ) as starting:  # fmt: skip
        until(lambda: (broker.folder / "output.log").exists() and broker.process(), "Java runs")
        starting.send_signal(signal.SIGINT)
        said = starting.communicate(timeout=30)[0]
    assert (starting.returncode, said) == (130, b"")
    assert broker.process() is None
