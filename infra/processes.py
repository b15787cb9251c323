"""Operating-system processes: tying a child's life to its parent, finding left-overs, ending them.

It must not know what the processes do; who calls says which ones are meant and in which order to ask them to end.
"""

import ctypes
import os
import signal
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress

import psutil

PR_SET_PDEATHSIG = 1  # linux/prctl.h
POLL_SECONDS = 0.02


def tied_to_parent(death_signal: signal.Signals) -> Callable[[], None]:
    """Make the function that a child runs before its program starts, so that it ends with its parent.

    On Linux the kernel sends `death_signal` when the *thread* that started the child ends, however it ends: start
    children from the main thread. Elsewhere there is no such thing, and left-overs are found at the next start.

    Args:
        death_signal: what the child receives when its parent is gone.

    Returns:
        A function for the `preexec_fn` of `subprocess.Popen`; it also undoes any blocking of signals.
    """
    parent = os.getpid()
    prctl = ctypes.CDLL(None, use_errno=True).prctl if sys.platform == "linux" else None

    def tie() -> None:
        signal.pthread_sigmask(signal.SIG_SETMASK, [])
        if prctl is not None:
            prctl(PR_SET_PDEATHSIG, int(death_signal), 0, 0, 0)
            if os.getppid() != parent:  # it died between the fork and this line
                os._exit(1)

    return tie


def matching(
    wanted: Callable[[psutil.Process], bool], among: Iterable[psutil.Process] | None = None
) -> list[psutil.Process]:
    """List the running processes that `wanted` accepts.

    Any process may end while it is looked at: ask for its attributes in `wanted` only.

    Args:
        wanted: says whether a process is meant; those that it may not look into, or that end meanwhile, are not.
        among: the processes to choose from; all others by default.
    """
    found = []
    for process in psutil.process_iter() if among is None else among:
        try:
            if process.pid != os.getpid() and process.status() != psutil.STATUS_ZOMBIE and wanted(process):
                found.append(process)
        except (psutil.NoSuchProcess, psutil.AccessDenied, OSError):
            continue
    return found


def send(processes: Iterable[psutil.Process], signum: signal.Signals) -> None:
    """Send a signal to those of the processes that have not ended; psutil makes sure that it is no recycled pid's."""
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.send_signal(signum)


def end(processes: Iterable[psutil.Process], steps: Sequence[tuple[signal.Signals, float]]) -> None:
    """End processes, politely at first.

    Args:
        processes: the ones to end.
        steps: pairs of a signal and the seconds to wait for it to work before the next step.

    Raises:
        TimeoutError: some of them outlived every step.
    """
    alive = list(processes)
    for signum, seconds in steps:
        send(alive, signum)
        if signum != signal.SIGKILL:
            send(alive, signal.SIGCONT)  # a stopped process could not follow the request
        deadline = time.monotonic() + seconds
        while alive and time.monotonic() < deadline:
            alive = [process for process in alive if not has_ended(process)]
            if alive:
                time.sleep(POLL_SECONDS)
    if alive:
        raise TimeoutError(f"processes {[process.pid for process in alive]} do not end")


def has_ended(process: psutil.Process) -> bool:
    """Whether a process runs no more; one that only waits for its parent to notice counts as ended."""
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
