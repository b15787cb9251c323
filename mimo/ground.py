"""The ground that `mimo up` stands on: a data folder of its own, nothing left over from a killed run, free ports.

It must not know what is started on it.
"""

import errno
import signal
import socket
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psutil

from events.errors import CannotStart
from infra.folder_lock import FolderLock
from infra.ports import free_port
from infra.processes import end, matching
from mimo.supervisor import Say

MARK = "MIMO_SUPERVISED"
"""Set in the environment of everything that `mimo up` starts, to the data folder: how left-overs are recognised."""
CONNECT_SECONDS = 1.0
LEFT_OVER_STEPS = ((signal.SIGTERM, 3.0), (signal.SIGKILL, 3.0))


@contextmanager
def locked(data: Path) -> Iterator[None]:
    """Have the data folder to ourselves while the context lasts.

    Raises:
        CannotStart: another `mimo up` uses it.
    """
    lock = FolderLock(data)
    if not lock.acquire():
        raise CannotStart(
            f"Another mimo (pid {lock.holder()}) is running on {data}: stop it, or choose another --data."
        )
    try:
        yield
    finally:
        lock.release()


def end_left_overs(data: Path, say: Say) -> None:
    """End what an earlier, killed `mimo up` on this folder left behind."""
    left_overs = matching(lambda process: process.environ().get(MARK) == str(data))
    if not left_overs:
        return
    say(f"Ending {len(left_overs)} processes that a killed run left behind.")
    try:
        end(left_overs, LEFT_OVER_STEPS)
    except TimeoutError as error:
        raise CannotStart(f"Left-over {error}.") from None


def free_ports(host: str, wanted: Mapping[str, int]) -> dict[str, int]:
    """Check that ports are free.

    Args:
        host: the address that they belong to.
        wanted: by the name of its setting; 0 stands for any free one.

    Returns:
        The same with real numbers.

    Raises:
        CannotStart: one is not free, or wanted twice.
    """
    given = [port for port in wanted.values() if port != 0]
    if len(set(given)) < len(given):
        *options, last = map(_option, wanted)
        raise CannotStart(
            f"Two parts cannot have the same port ({', '.join(map(str, given))}): see {', '.join(options)} and {last}."
        )
    with ExitStack() as probes:  # all stay bound until the last is chosen
        return {name: _free_port(probes, host, port, _option(name)) for name, port in wanted.items()}


def _option(name: str) -> str:
    return "--" + name.replace("_", "-")


def _free_port(probes: ExitStack, host: str, port: int, option: str) -> int:
    try:
        probe = probes.enter_context(socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET))
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((host, port or free_port()))
        probe.listen(1)
    except OSError as error:
        if error.errno in (errno.EACCES, errno.EPERM):
            raise CannotStart(f"Port {port} needs more rights than you have: choose another with {option}.") from None
        if isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL:
            raise CannotStart(f"The address {host} (MIMO_HOST) is none of this machine's.") from None
        raise CannotStart(
            f"Port {port} is in use{_by_whom(port)}: stop that, or choose another with {option}."
        ) from None
    return int(probe.getsockname()[1])


def holder_of(host: str, port: int) -> str:
    """Who listens on a port, in words that go behind "in use"; "" when nobody does."""
    try:
        with socket.create_connection((host, port), CONNECT_SECONDS):
            return _by_whom(port) or " by another process"
    except OSError:
        return ""


def _by_whom(port: int) -> str:
    """Who listens there, if we may know."""
    try:
        for connection in psutil.net_connections("inet"):
            if connection.status == psutil.CONN_LISTEN and connection.laddr.port == port and connection.pid:
                return f" by {psutil.Process(connection.pid).name()} (pid {connection.pid})"
    except (psutil.Error, OSError):  # also when it ends just now
        pass
    return ""
