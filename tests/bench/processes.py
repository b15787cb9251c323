"""Starts and stops the processes of a benchmark, each by its own pid, and waits for their ports."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException
from pathlib import Path

STOP_SECONDS = 15
POLL_SECONDS = 0.05
ROOT = Path(__file__).resolve().parents[2]


class DidNotStart(Exception):
    """A process ended or stayed silent instead of getting ready; carries the end of its output."""


def free_port() -> int:
    """Return a loopback TCP port that nobody listened on a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(
    command: Sequence[str], environment: Mapping[str, str], log_file: Path
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a command in the project's root as a process group of its own; stop the group at the end.

    `environment` is added to ours. Output goes to `log_file`.
    """
    with log_file.open("wb") as log:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=os.environ | dict(environment),
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            yield process
        finally:
            stop(process)


def stop(process: subprocess.Popen[bytes]) -> None:
    """Ask the process to stop; after STOP_SECONDS end its whole group."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(STOP_SECONDS)


def wait_until_answers(
    process: subprocess.Popen[bytes], port: int, path: str, log_file: Path, seconds: float = 60
) -> None:
    """Wait until GET `path` on the port answers below 500; raise DidNotStart when it does not."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and process.poll() is None:
        try:
            connection = HTTPConnection("127.0.0.1", port, timeout=2)
            connection.request("GET", path)
            if connection.getresponse().status < 500:
                return
        except (OSError, HTTPException):
            pass
        time.sleep(POLL_SECONDS)
    raise DidNotStart(f"no good answer on port {port}; last output:\n{log_file.read_text()[-2000:]}")
