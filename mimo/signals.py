"""Turns signals into something that a loop can wait for.

It must not know what the loop does about them.
"""

import select
import signal
import socket
from types import FrameType, TracebackType
from typing import Self

STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Signals:
    """While entered, remembers requests to stop and wakes `wait` when a signal arrives or a child ends."""

    def __init__(self) -> None:
        self.stops = 0
        self._reader, self._writer = socket.socketpair()
        self._reader.setblocking(False)
        self._writer.setblocking(False)
        self._before: dict[signal.Signals, object] = {}
        self._old_descriptor = -1

    @property
    def stopping(self) -> bool:
        """Whether a request to stop has come."""
        return self.stops > 0

    def __enter__(self) -> Self:
        self._old_descriptor = signal.set_wakeup_fd(self._writer.fileno(), warn_on_full_buffer=False)
        for signum in STOPPING:
            self._before[signum] = signal.signal(signum, self._stop)
        self._before[signal.SIGCHLD] = signal.signal(signal.SIGCHLD, self._child)
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _at: TracebackType | None
    ) -> None:
        for signum, handler in self._before.items():
            signal.signal(signum, handler)  # type: ignore[arg-type]
        signal.set_wakeup_fd(self._old_descriptor)
        self._reader.close()
        self._writer.close()

    def wait(self, seconds: float) -> None:
        """Wait until a signal arrives, at most `seconds`."""
        ready, _, _ = select.select([self._reader], [], [], max(seconds, 0.0))
        if ready:
            self._reader.recv(4096)

    def _stop(self, _signum: int, _frame: FrameType | None) -> None:
        self.stops += 1

    def _child(self, _signum: int, _frame: FrameType | None) -> None:
        """Nothing but the wake-up."""
