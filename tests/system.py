"""The whole system as a newcomer starts it: `mimo up` in a process of its own, on a folder and ports of its own."""

import itertools
import os
import re
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import psutil

from infra.embedded_postgres import EmbeddedPostgres
from infra.processes import end, matching, send, tied_to_parent
from mimo.ground import MARK
from tests.until import until

ROOT = Path(__file__).parent.parent
READY = re.compile(r"^ready  page \S+  command API (\S+)  query API (\S+)(?:  Kafka (\S+))?$", re.MULTILINE)
START_SECONDS = 90.0
STOP_SECONDS = 10.0
"""What the product promises; not a guess of ours."""
CHEAP = {"MIMO_BCRYPT_ROUNDS": "4"}
ANY_PORTS = (
    "--command-port", "0", "--query-port", "0", "--projector-port", "0", "--relay-port", "0", "--operations-port", "0",
)  # fmt: skip

_numbers = itertools.count(1)


def run_mimo(*arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    """Run one `mimo` command to its end."""
    return subprocess.run(
        [sys.executable, "-m", "mimo", *arguments], cwd=ROOT, env={**os.environ, **CHEAP, **environment},
        capture_output=True, text=True, timeout=START_SECONDS, check=False,
    )  # fmt: skip


class System:
    """One `mimo up`. Start it, use `command`, `query` and `kafka` (its addresses), stop or kill it."""

    def __init__(self, data: Path, *options: str, **environment: str) -> None:
        """Describe it.

        Args:
            data: the data folder; reachable by an unprivileged account when the tests run as root.
            options: further options of `mimo up`.
            environment: further environment variables.
        """
        self.data = data
        self.command = self.query = ""
        self.kafka: str | None = None
        self.log = data.parent / f"{data.name}-{next(_numbers)}.log"
        self._options = options
        self._environment = {**os.environ, **CHEAP, **environment}
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> "System":
        """Start it and wait until it says ready."""
        self.begin()
        until(lambda: READY.search(self.said()) or self._ended_early(), "mimo up says ready", START_SECONDS)
        found = READY.search(self.said())
        assert found is not None, f"mimo up ended: {self.said()[-3000:]}"
        self.command, self.query, self.kafka = found.groups()
        return self

    def begin(self) -> None:
        """Start it without waiting."""
        options = ["--data", str(self.data), *ANY_PORTS, *self._options]
        with self.log.open("wb") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "mimo", "up", *options],
                cwd=ROOT, env=self._environment, stdout=output, stderr=output, start_new_session=True,
                preexec_fn=tied_to_parent(signal.SIGTERM),
            )  # fmt: skip

    def _ended_early(self) -> bool:
        return self._process is not None and self._process.poll() is not None

    def said(self) -> str:
        """Everything that it and its parts have written."""
        return self.log.read_text(errors="replace")

    @property
    def supervisor(self) -> psutil.Process:
        """The process of `mimo up` itself."""
        assert self._process is not None
        return psutil.Process(self._process.pid)

    def parts(self) -> list[psutil.Process]:
        """Everything that carries its mark: APIs and projectors with their workers, the relay, the Kafka broker."""
        return marked(self.data)

    def postgres(self) -> list[psutil.Process]:
        """The embedded server and its children."""
        cluster = str(self.data.resolve() / "postgres" / "cluster")
        return matching(lambda process: process.name() == "postgres" and process.cwd() == cluster)

    def part(self, package: str) -> psutil.Process:
        """The main process of one part, once it runs."""
        return until(lambda: matching(lambda one: package in one.cmdline(), self._own()), f"{package} runs")[0]

    def postmaster(self) -> psutil.Process:
        """The main process of the embedded server, once it runs."""
        return until(lambda: matching(lambda one: one.name() == "postgres", self._own()), "PostgreSQL runs")[0]

    def _own(self) -> list[psutil.Process]:
        """What the supervisor itself has started."""
        return children_of(self.supervisor)

    def is_ready(self) -> bool:
        """Whether both APIs say that they are."""
        return all(_says_ready(f"{url}/readyz") for url in (self.command, self.query))

    def stop(self, signum: signal.Signals = signal.SIGTERM) -> int:
        """Ask it to end and wait as long as it may take; returns its exit code."""
        assert self._process is not None
        self._process.send_signal(signum)
        return self._process.wait(STOP_SECONDS)

    def kill_everything(self) -> None:
        """`kill -9` of the supervisor, all parts and PostgreSQL at the same moment."""
        send([self.supervisor, *self.parts(), *self.postgres()], signal.SIGKILL)
        assert self._process is not None
        self._process.wait()

    def is_gone(self) -> bool:
        """Whether nothing of it runs."""
        return not self.parts() and not self.postgres()

    def clean_up(self) -> None:
        """Whatever happened: leave nothing running."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        end([*self.parts(), *self.postgres()], [(signal.SIGKILL, STOP_SECONDS)])


def marked(data: Path) -> list[psutil.Process]:
    """All that `mimo up` on a data folder has started, beside PostgreSQL."""
    place = str(data.resolve())
    return matching(lambda process: process.environ().get(MARK) == place)


def children_of(parent: psutil.Process) -> list[psutil.Process]:
    """The running processes that a process has started; none when it has ended."""
    return matching(lambda process: process.ppid() == parent.pid)


def end_left_over(folder: Path) -> None:
    """End the system that a killed run left on `data` in a folder."""
    end(marked(folder / "data"), [(signal.SIGKILL, STOP_SECONDS)])
    EmbeddedPostgres(folder / "data" / "postgres").end_left_over()


def _says_ready(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
