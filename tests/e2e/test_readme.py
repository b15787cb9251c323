"""What the README tells to type, run word by word against a real `mimo up`: it answers what the README says."""

import json
import os
import subprocess
import sys
from typing import Any

from events.catalog import TOPICS
from tests.documents import blocks, section
from tests.e2e.conftest import MakeSystem
from tests.system import ROOT
from tests.tools import program

README = ROOT / "README.md"
WALK = "A walk of five minutes"
WALK_SECONDS = 60.0
MARK = "---- end of a step ----"
DEFAULT_COMMANDS, DEFAULT_QUERIES = "http://127.0.0.1:8001", "http://127.0.0.1:8002"
CHANGING = ("_id", "_at", "position", "sealed")
"""Members whose names end so have other values at each run."""


def run_in_one_shell(steps: list[str], **environment: str) -> list[str]:
    """Types all steps into one bash; returns what each of them printed."""
    script = "set -eu\n" + "".join(f"{step}\necho; echo '{MARK}'\n" for step in steps)
    done = subprocess.run(
        ["bash", "-c", script], cwd=ROOT, env={**os.environ, **environment},
        capture_output=True, text=True, timeout=WALK_SECONDS, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    return [printed.strip() for printed in done.stdout.split(MARK)[:-1]]


def shape(value: Any, name: str = "") -> Any:
    """A value with everything replaced that is another at each run."""
    if isinstance(value, dict):
        return {key: shape(inside, key) for key, inside in value.items()}
    if isinstance(value, list):
        return [shape(inside) for inside in value]
    return f"some {name}" if name.endswith(CHANGING) and value is not None else value


def test_every_step_of_the_walk_answers_what_the_readme_says(make_system: MakeSystem) -> None:
    steps: list[str] = []
    answers: dict[int, str] = {}
    for block in blocks(section(README, WALK)):
        if block.language == "sh":
            steps.append(block.text)
        else:
            assert block.language == "json"
            answers[len(steps) - 1] = block.text
    assert len(answers) == len(steps) - 1, "every step but the shorthand shows its answer"

    system = make_system().start()
    steps[0] = steps[0].replace(DEFAULT_COMMANDS, system.command).replace(DEFAULT_QUERIES, system.query)
    printed = run_in_one_shell(steps)
    system.stop()
    assert printed[0] == ""
    for step, said in answers.items():
        assert shape(json.loads(printed[step])) == shape(json.loads(said)), steps[step]


def test_the_way_through_kafka_shows_what_the_readme_says(make_system: MakeSystem) -> None:
    program("kcat", "kcat")
    start, use, look, answer = blocks(section(README, "Through Kafka"))
    dry = subprocess.run(["make", "--dry-run", "up-kafka"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert start.text.split("#")[0].strip() == "make up-kafka"
    assert "mimo up --kafka" in dry.stdout

    system = make_system("--kafka-port", "0").start()
    assert system.kafka is not None
    ports = {"MIMO_COMMAND_PORT": system.command, "MIMO_QUERY_PORT": system.query}
    environment = {name: url.rpartition(":")[2] for name, url in ports.items()} | {"MIMO_DATA": str(system.data)}
    mimo, kcat = use.text.replace(".venv/bin/mimo", f"{sys.executable} -m mimo"), look.text
    printed = run_in_one_shell([*mimo.splitlines(), kcat.replace("127.0.0.1:9092", system.kafka)], **environment)
    system.stop()
    demo, topics, doctor, message = printed
    assert "0 missing" in demo
    assert f"events in {len(TOPICS)} topics" in topics
    assert doctor.endswith("Nothing is wrong.")
    assert shape(json.loads(message)) == shape(json.loads(answer.text))
