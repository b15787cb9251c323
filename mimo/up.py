"""`mimo up`: the whole system on one machine: checks the ground, starts the database, migrates, then supervises.

It must not know what the applications do, only how they are started: `python -m <package>`, settings by environment.
"""

import asyncio
import errno
import os
import shutil
import signal
import socket
import sys
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path

import psutil

from events.errors import CannotStart
from infra.embedded_postgres import EmbeddedPostgres
from infra.folder_lock import FolderLock
from infra.migrations.runner import migrate
from infra.postgres import without_password
from infra.processes import end, matching
from infra.secrets import load_secrets
from infra.settings import Settings, Switch
from mimo.database import embedded_postgres, prepare_folder
from mimo.part import Part
from mimo.signals import Signals
from mimo.supervisor import Say, Supervisor

MARK = "MIMO_SUPERVISED"
"""Set in the environment of everything that `mimo up` starts, to the data folder: how left-overs are recognised."""
LEFT_OVER_STEPS = ((signal.SIGTERM, 3.0), (signal.SIGKILL, 3.0))
CONNECTIONS_PER_WORKER = 16
"""Of both APIs together: their pools, appends, tails (docs/operations.md)."""
CONNECTIONS_PER_PROJECTOR = 15
SPARE_CONNECTIONS = 70
METRICS_FOLDER = "PROMETHEUS_MULTIPROC_DIR"


def up(settings: Settings, say: Say, ready: Callable[[str], None]) -> None:
    """Run the system until SIGINT or SIGTERM.

    Args:
        settings: as given by environment and command line.
        say: tells the person at the terminal a sentence.
        ready: receives the one line that says where everything is, once it can be used.

    Raises:
        CannotStart: something outside is missing or wrong; all that was started has ended.
    """
    data = prepare_folder(settings.data)
    with ExitStack() as stack:
        signals = stack.enter_context(Signals())
        stack.enter_context(_locked(data))
        _end_left_overs(data, say)
        settings = settings.model_copy(update={"data": data, **_ports(settings)})
        try:
            postgres = _database(settings, stack, signals, say)
            settings = settings.model_copy(
                update={"database_url": postgres.url() if postgres else settings.database_url}
            )
            asyncio.run(migrate(settings.require_database_url, partitions=settings.partitions))
            load_secrets(settings)  # made here once, not by three processes at the same moment
            if settings.rate_limits is Switch.OFF:
                say("RATE LIMITS ARE OFF: anybody may try passwords as fast as they like. For load tests only.")
            supervisor = Supervisor(_parts(settings, postgres), _ready_urls(settings), postgres, say)
            supervisor.run(signals, lambda: ready(_ready_line(settings)))
        except CannotStart:
            if not signals.stopping:
                raise
    say("Stopped.")


def _locked(data: Path) -> ExitStack:
    lock = FolderLock(data)
    if not lock.acquire():
        raise CannotStart(
            f"Another mimo (pid {lock.holder()}) is running on {data}: stop it, or choose another --data."
        )
    held = ExitStack()
    held.callback(lock.release)
    return held


def _end_left_overs(data: Path, say: Say) -> None:
    """End what an earlier, killed `mimo up` on this folder left behind."""
    left_overs = matching(lambda process: process.environ().get(MARK) == str(data))
    if not left_overs:
        return
    say(f"Ending {len(left_overs)} processes that a killed run left behind.")
    try:
        end(left_overs, LEFT_OVER_STEPS)
    except TimeoutError as error:
        raise CannotStart(f"Left-over {error}.") from None


def _database(settings: Settings, stack: ExitStack, signals: Signals, say: Say) -> EmbeddedPostgres | None:
    """Start the embedded server, unless the settings name another."""
    if settings.database_url is not None:
        say(f"Using PostgreSQL at {without_password(settings.database_url)}.")
        return None
    postgres = embedded_postgres(settings.data, {"max_connections": str(_connections(settings))})
    say(f"Starting PostgreSQL in {postgres.folder}.")
    stack.callback(postgres.stop)
    postgres.start(gave_up=lambda: signals.stopping)
    return postgres


def _connections(settings: Settings) -> int:
    """How many connections there may be: what all processes open at most, and some for operators."""
    of_apis = CONNECTIONS_PER_WORKER * settings.workers
    return of_apis + CONNECTIONS_PER_PROJECTOR * settings.projector_workers + SPARE_CONNECTIONS


def _parts(settings: Settings, postgres: EmbeddedPostgres | None) -> list[Part]:
    """What runs beside the database: the two APIs and the projector."""

    def part(name: str, package: str) -> Part:
        def environment() -> Mapping[str, str]:
            url = postgres.url() if postgres is not None else settings.require_database_url
            return _environment(settings, url, package)

        return Part(name, [sys.executable, "-m", package], environment)

    return [part("projector", "projectors"), part("command API", "command_api"), part("query API", "query_api")]


def _environment(settings: Settings, database_url: str, package: str) -> Mapping[str, str]:
    """The settings as a process finds them; those that we were not given keep their defaults."""
    environment = {
        **os.environ,
        MARK: str(settings.data),
        "MIMO_DATA": str(settings.data),
        "MIMO_DATABASE_URL": database_url,
        "MIMO_HOST": settings.host,
        "MIMO_COMMAND_PORT": str(settings.command_port),
        "MIMO_QUERY_PORT": str(settings.query_port),
        "MIMO_PROJECTOR_PORT": str(settings.projector_port),
        "MIMO_WORKERS": str(settings.workers),
        "MIMO_PROJECTOR_WORKERS": str(settings.projector_workers),
        "MIMO_LOG_LEVEL": settings.log_level.value,
    }
    if (settings.projector_workers if package == "projectors" else settings.workers) > 1:
        folder = settings.data / "metrics" / package
        shutil.rmtree(folder, ignore_errors=True)  # the files of earlier workers would be counted again
        folder.mkdir(parents=True)
        environment[METRICS_FOLDER] = str(folder)
    return environment


def _ports(settings: Settings) -> dict[str, int]:
    """All ports, checked to be free; 0 stands for any free one."""
    wanted = {
        "command_port": settings.command_port,
        "query_port": settings.query_port,
        "projector_port": settings.projector_port,
    }
    given = [port for port in wanted.values() if port != 0]
    if len(set(given)) < len(given):
        raise CannotStart(
            f"Two parts cannot have the same port ({', '.join(map(str, given))}): "
            "see --command-port, --query-port and --projector-port."
        )
    with ExitStack() as probes:  # all stay bound until the last is chosen
        return {name: _free_port(probes, settings.host, port, name) for name, port in wanted.items()}


def _free_port(probes: ExitStack, host: str, port: int, name: str) -> int:
    try:
        probe = probes.enter_context(socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET))
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((host, port))
        probe.listen(1)
    except OSError as error:
        option = "--" + name.replace("_", "-")
        if error.errno in (errno.EACCES, errno.EPERM):
            raise CannotStart(f"Port {port} needs more rights than you have: choose another with {option}.") from None
        if isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL:
            raise CannotStart(f"The address {host} (MIMO_HOST) is none of this machine's.") from None
        raise CannotStart(
            f"Port {port} is in use{_by_whom(port)}: stop that, or choose another with {option}."
        ) from None
    return int(probe.getsockname()[1])


def _by_whom(port: int) -> str:
    """Who listens there, if we may know."""
    try:
        for connection in psutil.net_connections("inet"):
            if connection.status == psutil.CONN_LISTEN and connection.laddr.port == port and connection.pid:
                return f" by {psutil.Process(connection.pid).name()} (pid {connection.pid})"
    except psutil.Error:
        pass
    return ""


def _address(settings: Settings, port: int) -> str:
    """An address that reaches us from this machine."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.host, settings.host)  # noqa: S104 - compared, not bound
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _ready_urls(settings: Settings) -> dict[str, str]:
    return {
        "command API": f"{_address(settings, settings.command_port)}/readyz",
        "query API": f"{_address(settings, settings.query_port)}/readyz",
        "projector": f"{_address(settings, settings.projector_port)}/readyz",
    }


def _ready_line(settings: Settings) -> str:
    command, query = _address(settings, settings.command_port), _address(settings, settings.query_port)
    return f"ready  command API {command}  query API {query}"
