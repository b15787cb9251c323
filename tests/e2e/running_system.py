"""A real `mimo up` on free ports in a folder of its own, ended at the end. It must not know what is asked of it."""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.e2e.documents import ROOT

READY_SECONDS = 60.0
STOP_SECONDS = 15.0
POLL_SECONDS = 0.1
_READY = re.compile(r"^ready  command API (\S+)  query API (\S+)$", re.MULTILINE)


@dataclass(frozen=True)
class RunningSystem:
    """Where it is.

    Attributes:
        commands: the address of the command API.
        queries: the address of the query API.
        data: its data folder.
    """

    commands: str
    queries: str
    data: Path


@contextmanager
def running_system(**settings: str) -> Iterator[RunningSystem]:
    """Start a system, wait until it is ready, and stop it as Ctrl-C does.

    Args:
        settings: further settings by the names of their variables.

    Raises:
        AssertionError: it was not ready or did not end in time, or ended with an error.
    """
    folder = Path(tempfile.mkdtemp(prefix="mimo-e2e-"))
    folder.chmod(0o755)  # as root, the database server runs under another account
    output = folder / "output"
    data = folder / "data"
    clean = {name: value for name, value in os.environ.items() if not name.startswith("MIMO_")}
    command = [sys.executable, "-m", "mimo", "up", "--data", str(data), "--command-port", "0", "--query-port", "0"]
    with output.open("wb") as written:
        process = subprocess.Popen(
            command, cwd=ROOT, env={**clean, "MIMO_PROJECTOR_PORT": "0", **settings}, stdout=written, stderr=written
        )
    try:
        yield RunningSystem(*_addresses(process, output), data)
        process.send_signal(signal.SIGINT)
        assert process.wait(STOP_SECONDS) == 0, output.read_text()
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            process.wait(STOP_SECONDS)
        shutil.rmtree(folder, ignore_errors=True)


def _addresses(process: subprocess.Popen[bytes], output: Path) -> tuple[str, str]:
    """Waits for the line that says where both APIs are."""
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        if found := _READY.search(output.read_text()):
            return found[1], found[2]
        time.sleep(POLL_SECONDS)
    raise AssertionError(f"the system did not get ready:\n{output.read_text()}")
