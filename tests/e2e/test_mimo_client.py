"""The JavaScript client in Node.js, against a whole system: the documented example, and what it promises."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.documents import blocks
from tests.e2e.learner import PASSWORD, Course, Person, school
from tests.system import ROOT, System
from tests.tools import NODE, node
from tests.until import until

CLIENT = ROOT / "query_api" / "web" / "mimo-client"
MESSAGES = 60


@pytest.fixture(scope="module")
def system() -> Iterator[System]:
    with school(MIMO_RATE_LIMITS="off", MIMO_ACCESS_TOKEN_SECONDS="10") as found:
        yield found


@pytest.fixture(scope="module")
def teacher(system: System) -> Person:
    return Person(system, "teacher@example.org", "Mary Somerville")


@pytest.fixture(scope="module")
def course(teacher: Person) -> Course:
    return teacher.publishes("Celestial mechanics")


def test_the_documented_example_says_hello(system: System, teacher: Person, course: Course, tmp_path: Path) -> None:
    teacher.says(course.channel_id, "Good morning!")
    (example,) = (block for block in blocks((ROOT / "docs" / "frontend.md").read_text()) if block.language == "js")
    shutil.copytree(CLIENT, tmp_path / "client")
    (tmp_path / "client" / "package.json").write_text('{"type": "module"}')
    (tmp_path / "client" / "hello.js").write_text(example.text)
    printed = node(tmp_path / "client" / "hello.js", system.query, system.command, seconds=60)
    assert printed.splitlines()[0] == "Mary Somerville: Good morning!"
    assert printed.splitlines()[-1].endswith(": Hello, everybody!")


def test_a_connection_outlives_its_tokens(system: System, teacher: Person, course: Course) -> None:
    words = [system.query, system.command, course.channel_id, teacher.email, PASSWORD]
    script = Path(__file__).parent / "client_renews.mjs"
    told = json.loads(node(script, str(CLIENT / "mimo-client.js"), *words, seconds=60))
    assert told == {"text": "after the first token", "states": ["connecting", "open"]}


def kill(system: System, package: str) -> None:
    """Kills a part and waits until it is back."""
    killed = system.part(package)
    killed.kill()
    until(lambda: system.part(package).pid != killed.pid, f"{package} is back")


def test_every_listener_hears_every_message_once_while_processes_die(
    system: System, teacher: Person, course: Course
) -> None:
    script = Path(__file__).parent / "client_listen.mjs"
    words = [system.query, system.command, course.channel_id, teacher.email, PASSWORD, str(MESSAGES)]
    with subprocess.Popen(
        [NODE, script, CLIENT / "mimo-client.js", *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdout is not None
        lines: list[str] = []
        kills = {5: "query_api", 15: "command_api", 30: "query_api"}
        for line in process.stdout:
            lines.append(line.strip())
            if (package := kills.pop(len(lines), None)) is not None:
                kill(system, package)
    assert process.returncode == 0, lines
    assert kills == {}
    for heard in json.loads(lines[-1]).values():
        assert [text for _, text in heard] == [f"message {number}" for number in range(MESSAGES)]
        assert [seq for seq, _ in heard] == list(range(heard[0][0], heard[0][0] + MESSAGES))
