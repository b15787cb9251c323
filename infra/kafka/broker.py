"""A single-node Kafka broker of our own in a folder: its files, its start, its end.

A folder holds `topics/` (Kafka's data), `server.properties`, `server.log` and what Java needs. Its process is
recognised by its working directory, so nothing written down about it can be out of date. It must not know what the
topics are used for; all of them can be deleted and are filled again from the log.
"""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from events.errors import CannotStart
from infra.folder_lock import FolderLock
from infra.kafka.configuration import DATA, HOST, LOGGING, PORT, java_arguments, port_of, properties, version_of
from infra.kafka.jars import Say, class_path, say_nothing
from infra.kafka.java import find_java
from infra.kafka.probe import answers
from infra.kafka.storage import MAKING, format_storage
from infra.ports import free_port, is_free
from infra.processes import end, matching, tied_to_parent

START_SECONDS = 120.0  # after a crash all segments that were open are read again
POLL_SECONDS = 0.02
PORT_ATTEMPTS = 3
IN_USE = "Address already in use"
LAST_WORDS = 4_000
LOCK_FILE = "lock"
ARGUMENTS = "@java.arguments"
BLOCK_BYTES = 512  # the unit of st_blocks, whatever the file system's
STOP_STEPS = ((signal.SIGTERM, 10.0), (signal.SIGKILL, 5.0))
PASSED_ON = ("HOME", "JAVA_HOME", "PATH", "XDG_CACHE_HOME")


@dataclass(frozen=True)
class Standing:
    """How a broker is doing.

    Attributes:
        folder: where it lives.
        running: whether its process runs.
        serving: whether it answers.
        pid: of its process.
        address: where clients find it.
        version: Kafka's, when it was last started.
        disk_bytes: what its folder takes.
    """

    folder: str
    running: bool
    serving: bool
    pid: int | None
    address: str | None
    version: str | None
    disk_bytes: int


class LocalBroker:
    """One broker on one folder. Who starts or stops it where others might do so too does it while it is `held`."""

    def __init__(self, folder: Path, port: int = PORT, settings: Mapping[str, str] | None = None) -> None:
        """Describe a broker; nothing happens before `prepare` or `start`.

        Args:
            folder: where it lives; made if missing.
            port: for clients; 0: any free one, which this object keeps.
            settings: Kafka's settings on top of ours.
        """
        self.folder = folder.resolve()
        self.port = port or free_port()
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
        return [str(find_java()), ARGUMENTS, "kafka.Kafka", "server.properties"]

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

    def standing(self) -> Standing:
        """How the broker on this folder is doing."""
        process, port = self.process(), port_of(self._read("server.properties"))
        return Standing(
            folder=str(self.folder),
            running=process is not None,
            serving=process is not None and port is not None and answers(HOST, port),
            pid=process.pid if process is not None else None,
            address=f"{HOST}:{port}" if process is not None else None,
            version=version_of(self._read("java.arguments")),
            disk_bytes=_disk_bytes(self.folder),
        )

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep every other mimo from starting, stopping or wiping this broker; makes the folder if it is missing.

        Raises:
            CannotStart: another one does that at this moment, or supervises the broker.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            lock = FolderLock(self.folder)
            free = lock.acquire()
        except OSError as error:
            raise CannotStart(f"The folder {self.folder} cannot be written ({error.strerror}).") from None
        if not free:
            raise CannotStart(
                f"The Kafka broker in {self.folder} is in the hands of another mimo (pid {lock.holder()}): stop that."
            )
        try:
            yield
        finally:
            lock.release()

    def prepare(self, say: Say = say_nothing) -> None:
        """Do all that comes before the start: end a left-over, get the files, make the folder, choose the ports.

        Args:
            say: is told a sentence when that takes a while.

        Raises:
            CannotStart: something is missing; the text says what to do.
        """
        command, jars = self.command, class_path(say)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.stop()
        if not is_free(self.port):
            raise CannotStart(f"Port {self.port} is in use: stop what listens there, or choose another for Kafka.")
        shutil.rmtree(self.folder / "temporary", ignore_errors=True)
        (self.folder / "temporary").mkdir()
        self._write("java.arguments", java_arguments(jars))
        self._write("log4j2.properties", LOGGING)
        self._write("server.properties", properties(self.port, free_port(), self._settings))
        if not (self.folder / DATA).exists():
            text = properties(self.port, free_port(), self._settings, f"{MAKING}/{DATA}")
            format_storage(self.folder, [command[0], ARGUMENTS], text, self.environment())

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
            try:
                started = self._started(tied, gave_up)
            except BaseException:  # Ctrl-C, too, leaves nothing behind
                self.stop()
                raise
            if started:
                self._any_port = False  # clients know it now
                return
            if self._any_port:
                self.port = free_port()
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
        for path in self.folder.iterdir():
            if path.is_dir():
                shutil.rmtree(path)
            elif path.name != LOCK_FILE:  # others may wait for this very file
                path.unlink()

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
                raise CannotStart(f"Kafka was not ready within {START_SECONDS:.0f} s; see {self.folder}/server.log.")
            time.sleep(POLL_SECONDS)
        return True

    # -- its files ---------------------------------------------------------------------------------------------------

    def _write(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text, encoding="utf-8")

    def _read(self, name: str) -> str:
        path = self.folder / name
        return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""

    def _last_words(self) -> str:
        """What it said at its end; Java writes to the one file, Kafka to the other."""
        return "\n".join(self._read(name)[-LAST_WORDS:].strip() for name in ("server.log", "output.log"))


def _disk_bytes(folder: Path) -> int:
    """What a folder takes on the disk; much of Kafka's files is set aside and empty."""
    total = 0
    for path in folder.rglob("*"):
        with suppress(FileNotFoundError):  # Kafka deletes while we look
            total += path.lstat().st_blocks * BLOCK_BYTES
    return total
