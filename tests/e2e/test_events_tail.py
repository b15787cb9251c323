"""`mimo events tail -f` beside a whole system and without one: through restarts, into closing pipes, until Ctrl-C."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import pytest_asyncio

from tests.e2e.conftest import MakeSystem
from tests.e2e.school import demo
from tests.integration.searched_log import SearchedLog
from tests.system import CHEAP, ROOT, START_SECONDS, STOP_SECONDS, System, run_mimo
from tests.until import until

MESSAGES = ("--type", "MessageSent")


@contextmanager
def following(data: Path, output: Path, *words: str) -> Iterator[subprocess.Popen[bytes]]:
    """A tail that follows into a file; what it says of itself goes beside it."""
    with output.open("wb") as written, output.with_suffix(".said").open("wb") as said:
        process = subprocess.Popen(
            [sys.executable, "-m", "mimo", "events", "tail", "-f", *words, "--data", str(data)],
            cwd=ROOT, env={**os.environ, **CHEAP}, stdout=written, stderr=said,
        )  # fmt: skip
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def talk(system: System, journal: Path, messages: int) -> None:
    """People say something."""
    with demo(system, journal, "--messages", str(messages)) as school:
        output, _ = school.communicate(timeout=START_SECONDS)
    assert school.returncode == 0, output


def written(output: Path) -> list[int]:
    """The positions that were written."""
    return [json.loads(line)["position"] for line in output.read_text().splitlines()]


def test_it_follows_through_a_restart_and_ends_at_ctrl_c(make_system: MakeSystem, place: Path) -> None:
    system = make_system().start()
    talk(system, place / "first", 5)
    output, said = place / "followed", place / "followed.said"
    with following(system.data, output, "-n", "2", *MESSAGES) as tail:
        until(lambda: len(written(output)) == 2, "the last two are shown")
        talk(system, place / "second", 5)
        until(lambda: len(written(output)) == 7, "new ones are shown")
        system.stop()
        until(lambda: "is away" in said.read_text(), "the loss is said")
        system = make_system().start()
        talk(system, place / "third", 5)
        until(lambda: len(written(output)) == 12, "those after the restart are shown")
        tail.send_signal(signal.SIGINT)
        assert tail.wait(STOP_SECONDS) == 130
    lost, found = said.read_text().splitlines()
    assert lost.startswith("mimo: The database is away (")
    assert found == "mimo: The database is back."
    system.stop()
    alone = run_mimo("events", "tail", *MESSAGES, "-n", "12", "--data", str(system.data))
    assert [json.loads(line)["position"] for line in alone.stdout.splitlines()] == written(output), alone.stderr
    assert run_mimo("events", "count", *MESSAGES, "--data", str(system.data)).stdout == "15 events\n"
    assert system.is_gone(), "what was started to look is stopped again"


def test_it_waits_for_a_system_that_is_not_running_and_does_not_stand_in_its_way(
    make_system: MakeSystem, place: Path
) -> None:
    data = place / "data"
    assert run_mimo("migrate", "--data", str(data)).returncode == 0
    output = place / "followed"
    with following(data, output, "--type", "UserRegistered") as tail:
        until(lambda: "is away" in output.with_suffix(".said").read_text(), "the database is waited for")
        talk(make_system().start(), place / "journal", 1)
        until(lambda: len(written(output)) == 4, "the people of the demo are shown")
        tail.send_signal(signal.SIGTERM)
        assert tail.wait(STOP_SECONDS) == -signal.SIGTERM


@pytest_asyncio.fixture(loop_scope="session")
async def written_url(database_url: str) -> str:
    """A database with some events, to which nothing is added."""
    await SearchedLog(20).store(database_url)
    return database_url


@pytest.mark.parametrize(
    ("pipe", "lines"), [("tail -f | head -n 3", 3), ("tail -n 0 -f | true", 0), ("grep . | head -n 1", 1)]
)
def test_a_pipe_that_closes_ends_it_quietly_also_while_there_is_nothing_to_write(
    written_url: str, pipe: str, lines: int
) -> None:
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {sys.executable} -m mimo events {pipe}"], cwd=ROOT,
        env={**os.environ, "MIMO_DATABASE_URL": written_url},
        capture_output=True, text=True, timeout=START_SECONDS, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert len(done.stdout.splitlines()) == lines
