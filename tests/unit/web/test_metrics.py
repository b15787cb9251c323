"""Metrics of several worker processes: any of them tells the state of all that live."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

STOPPED = """
from projectors.progress import Progress, State
Progress("users").failed("poison", State.STOPPED, "an event")
print("stopped", flush=True)
input()
"""
KEEPS_UP = """
from infra.web.metrics import exposition
from projectors.progress import Progress
Progress("users").caught_up()
print(*[line[-3:] for line in exposition().decode().splitlines() if line.startswith("mimo_projection_ready{")])
"""


def keeps_up(environment: dict[str, str]) -> str:
    """What a process tells in which the projection keeps up."""
    command = [sys.executable, "-c", KEEPS_UP]
    return subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout.strip()


def test_one_process_that_stopped_is_not_hidden_by_others_and_forgotten_when_it_is_dead(tmp_path: Path) -> None:
    environment = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}
    command = [sys.executable, "-c", STOPPED]
    with subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "stopped\n"
        assert keeps_up(environment) == "0.0"
        other.kill()
        other.wait()
    assert keeps_up(environment) == "1.0"
