"""A single-node Kafka broker of our own in a folder: its files, its start, its end.

A folder holds `topics/` (Kafka's data), `server.properties`, `server.log` and what Java needs. Its process is
recognised by its working directory, so nothing written down about it can be out of date. It must not know what the
topics are used for; all of them can be deleted and are filled again from the log.
"""

import base64
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import psutil

from events.errors import CannotStart
from infra.kafka.configuration import DATA, HOST, LOGGING, java_arguments, port_of, properties
from infra.kafka.jars import Say, class_path, say_nothing
from infra.kafka.java import find_java
from infra.kafka.probe import answers
from infra.processes import end, matching, tied_to_parent

PORT = 9092
START_SECONDS = 120.0  # after a crash all segments that were open are read again
FORMAT_SECONDS = 60.0
POLL_SECONDS = 0.02
PORT_ATTEMPTS = 3
IN_USE = "Address already in use"
LAST_WORDS = 4_000
STOP_STEPS = ((signal.SIGTERM, 10.0), (signal.SIGKILL, 5.0))
PASSED_ON = ("HOME", "JAVA_HOME", "PATH", "XDG_CACHE_HOME")


class LocalBroker:
    """One broker on one folder. Whoever starts it sees to it that nobody else does at that time."""

    def __init__(self, folder: Path, port: int = PORT, settings: Mapping[str, str] | None = None) -> None:
        """Describe a broker; nothing happens before `prepare` or `start`.

        Args:
            folder: where it lives; made if missing.
            port: for clients; 0: any free one, which this object keeps.
            settings: Kafka's settings on top of ours.
        """
        self.folder = folder.resolve()
        self.port = port or _free_port()
        self._settings = dict(settings or {})
        self._any_port = port == 0
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def bootstrap(self) -> str:
        """Where clients find it."""
        return f"{HOST}:{self.port}"

    @property
    def command(self) -> list[str]:
        """What starts it, prepared, in the folder as working directory."""
        return [str(find_java()), "@java.arguments", "kafka.Kafka", "server.properties"]

    @staticmethod
    def environment() -> dict[str, str]:
        """What its process may see: nothing of ours, and nothing that changes what Java does."""
        passed_on = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
        return {**passed_on, "LC_ALL": "C.UTF-8", "TZ": "UTC"}

    def process(self) -> psutil.Process | None:
        """The process that works on this folder, whoever started it."""
        place = str(self.folder)
        found = matching(lambda process: process.name() == "java" and process.cwd() == place)
        return found[0] if found else None

    def running_port(self) -> int | None:
        """The port of the broker that was last started on this folder."""
        try:
            return port_of((self.folder / "server.properties").read_text())
        except FileNotFoundError:
            return None

    def prepare(self, say: Say = say_nothing) -> None:
        """Do all that comes before the start: end a left-over, get the files, make the folder, choose the ports.

        Args:
            say: is told a sentence when that takes a while.

        Raises:
            CannotStart: something is missing; the text says what to do.
        """
        command, jars = self.command, class_path(say)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise CannotStart(f"The folder {self.folder} cannot be made ({error.strerror}).") from None
        self.stop()
        if not _is_free(self.port):
            raise CannotStart(f"Port {self.port} is in use: stop what listens there, or choose another for Kafka.")
        shutil.rmtree(self.folder / "temporary", ignore_errors=True)
        (self.folder / "temporary").mkdir()
        self._write("java.arguments", java_arguments(jars))
        self._write("log4j2.properties", LOGGING)
        self._write("server.properties", properties(self.port, _free_port(), self._settings))
        if not (self.folder / DATA).exists():
            self._format(command[0])

    def start(self, say: Say = say_nothing, *, tied: bool = True, gave_up: Callable[[], bool] = lambda: False) -> None:
        """Prepare and start it, and wait until it serves.

        Args:
            say: is told a sentence when something takes a while.
            tied: whether it ends with the process (the thread, on Linux) that starts it.
            gave_up: asked again and again; True ends the waiting.

        Raises:
            CannotStart: it does not come up; the text says why, with the end of its log.
        """
        for _ in range(PORT_ATTEMPTS):
            self.prepare(say)
            if self._started(tied, gave_up):
                self._any_port = False  # clients know it now
                return
            if self._any_port:
                self.port = _free_port()
        raise CannotStart(f"Kafka found its ports in use in {PORT_ATTEMPTS} attempts; see {self.folder}/server.log.")

    def stop(self) -> None:
        """Stop the broker that works on this folder, whoever started it; politely at first.

        Raises:
            CannotStart: it does not end.
        """
        child, self._child = self._child, None
        running = self.process()
        processes = [running] if running is not None else []
        if child is not None and child.poll() is None and (running is None or running.pid != child.pid):
            processes.append(psutil.Process(child.pid))  # its folder was deleted under it
        try:
            end(processes, STOP_STEPS)
        except TimeoutError as error:
            raise CannotStart(f"The Kafka broker on {self.folder} cannot be ended: {error}.") from None
        if child is not None:
            child.wait()

    def wipe(self) -> None:
        """Delete everything of a stopped broker: topics, settings, logs."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _started(self, tied: bool, gave_up: Callable[[], bool]) -> bool:
        """Start the prepared broker; False if somebody took one of its ports in the meantime."""
        with (self.folder / "output.log").open("wb") as output:
            self._child = subprocess.Popen(
                self.command, cwd=self.folder, env=self.environment(), stdin=subprocess.DEVNULL, stdout=output,
                stderr=output, start_new_session=True, preexec_fn=tied_to_parent(signal.SIGKILL) if tied else None,
            )  # fmt: skip
        deadline = time.monotonic() + START_SECONDS
        while not answers(HOST, self.port):
            if self._child.poll() is not None:
                said = self._last_words()
                if IN_USE in said:
                    return False
                raise CannotStart(f"Kafka did not start on {self.folder}; it says: {said[-600:]}")
            if time.monotonic() > deadline or gave_up():
                self.stop()
                raise CannotStart(f"Kafka was not ready within {START_SECONDS:.0f} s; see {self.folder}/server.log.")
            time.sleep(POLL_SECONDS)
        return True

    # -- its files ---------------------------------------------------------------------------------------------------

    def _format(self, java: str) -> None:
        """Make the folder of topics beside its final place and move it there, so that a half-made one is never used."""
        for abandoned in self.folder.glob("making-*"):
            shutil.rmtree(abandoned, ignore_errors=True)
        making = Path(tempfile.mkdtemp(prefix="making-", dir=self.folder))
        text = properties(self.port, _free_port(), self._settings, f"{making.name}/{DATA}")
        (making / "server.properties").write_text(text)
        tool = ["kafka.tools.StorageTool", "format", "-t", _new_cluster_id(), "-c", f"{making.name}/server.properties"]
        try:
            done = subprocess.run(
                [java, "@java.arguments", *tool], cwd=self.folder, env=self.environment(), stdin=subprocess.DEVNULL,
                capture_output=True, text=True, check=False, timeout=FORMAT_SECONDS,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            raise CannotStart(f"Kafka did not format {self.folder} within {FORMAT_SECONDS:.0f} s.") from None
        if done.returncode != 0:
            raise CannotStart(f"Kafka cannot format {self.folder}: {(done.stderr or done.stdout).strip()[-600:]}")
        (making / DATA).rename(self.folder / DATA)
        shutil.rmtree(making)

    def _write(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text, encoding="utf-8")

    def _last_words(self) -> str:
        """What it said at its end; Java writes to the one file, Kafka to the other."""
        logs = (self.folder / name for name in ("server.log", "output.log"))
        return "\n".join(log.read_text(errors="replace")[-LAST_WORDS:].strip() for log in logs if log.exists())


def _new_cluster_id() -> str:
    """A random id the way Kafka writes them."""
    while True:
        text = base64.urlsafe_b64encode(os.urandom(16)).decode().rstrip("=")
        if not text.startswith("-"):  # it would look like an option
            return text


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])
