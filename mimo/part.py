"""One supervised process: started, watched, started again after a pause that grows, ended with all its children.

It must not know what the process does, nor the other parts.
"""

import os
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path

from infra.processes import tied_to_parent

FIRST_PAUSE_SECONDS = 0.25
LONGEST_PAUSE_SECONDS = 5.0
STEADY_SECONDS = 30.0
"""After so long the failures before are forgotten."""


class Part:
    """A process of the system.

    Attributes:
        name: how people call it.
        serves: whether the other parts use it, so that it ends after them.
        output: the file that it writes to; None: to where we write.
        failures: how often in a row it ended soon after its start.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        environment: Callable[[], Mapping[str, str]],
        *,
        serves: bool = False,
        folder: Path | None = None,
        output: Path | None = None,
    ) -> None:
        """Describe a part; nothing is started.

        Args:
            name: how people call it.
            command: the program and its arguments.
            environment: called at each start; may prepare what the process needs.
            serves: whether the other parts use it.
            folder: the process's working directory; None: ours.
            output: a file for all that it writes, emptied at each start.
        """
        self.name = name
        self.serves = serves
        self.output = output
        self.failures = 0
        self.restart_at: float | None = 0.0
        self._command = list(command)
        self._environment = environment
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self._started_at = 0.0

    @property
    def pid(self) -> int | None:
        """The process, if it runs."""
        return self._process.pid if self._process is not None else None

    def start(self, now: float) -> None:
        """Start the process in a group of its own, so that all its children can be ended with it.

        Call it in the main thread only: the process ends with the thread that starts it.

        Args:
            now: monotonic seconds.
        """
        self.restart_at = None
        self._started_at = now
        with ExitStack() as stack:
            output = stack.enter_context(self.output.open("wb")) if self.output is not None else None
            self._process = subprocess.Popen(
                self._command,
                env=dict(self._environment()),
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                preexec_fn=tied_to_parent(signal.SIGTERM),
            )

    def ended(self, now: float) -> str | None:
        """Notice the end of the process, end what it left behind, and plan the next start.

        Args:
            now: monotonic seconds.

        Returns:
            How it ended, in words; None if it runs or was noticed before.
        """
        if self._process is None or self._process.poll() is None:
            return None
        self._end_group()
        code = self._process.returncode
        self._process = None
        self.failures = 1 if now - self._started_at >= STEADY_SECONDS else self.failures + 1
        self.restart_at = now + self.pause_seconds()
        return f"killed by {signal.Signals(-code).name}" if code < 0 else f"with exit code {code}"

    def pause_seconds(self) -> float:
        """How long to wait before the next start: doubles with every failure in a row."""
        doublings = min(self.failures - 1, 10)
        return float(min(FIRST_PAUSE_SECONDS * 2**doublings, LONGEST_PAUSE_SECONDS))

    def ask_to_end(self) -> None:
        """Send SIGTERM to the process, which ends its own children."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            self._process.send_signal(signal.SIGCONT)  # a stopped process could not follow the request

    def is_gone(self) -> bool:
        """Whether the process does not run."""
        return self._process is None or self._process.poll() is not None

    def kill(self) -> None:
        """End the process and its whole group at once."""
        if self._process is not None:
            self._end_group()
            self._process.wait()
            self._process = None

    def _end_group(self) -> None:
        assert self._process is not None
        with suppress(ProcessLookupError, PermissionError):  # nobody left in it
            os.killpg(self._process.pid, signal.SIGKILL)
