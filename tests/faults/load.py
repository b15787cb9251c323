"""The load: one `mimo demo` that goes on through many faults, and its journal of what was acknowledged.

It is paused (SIGSTOP) while the state behind it is compared, and never stopped in between: it must get over everything.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

from mimo.demo.journal import read_journal
from tests.faults.product import Product
from tests.system import CHEAP, ROOT, run_mimo
from tests.until import until

PEOPLE = 6
COURSES = 10
"""Each has a channel, and a channel is a partition's: most partitions of the messages have something to do."""
MESSAGES_A_SECOND = 40
PATIENCE_SECONDS = 900
"""The load waits for as long as it is paused, too."""
DURATION_SECONDS = 1_000_000

_numbers = count(1)


class Load:
    """A school that goes on until it is told to stop."""

    def __init__(self, product: Product) -> None:
        self._product = product
        number = next(_numbers)
        self._journal = product.folder / f"journal-{number}"
        self._said = product.folder / f"demo-{number}.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._counted = self._read = 0

    def start(self) -> None:
        """Begin, and wait until everybody is enrolled and talks."""
        size = ("--users", str(PEOPLE), "--courses", str(COURSES), "--rate", str(MESSAGES_A_SECOND))
        length = ("--duration", str(DURATION_SECONDS), "--patience", str(PATIENCE_SECONDS))
        with self._said.open("wb") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "mimo", "demo", *self._urls(), *size, *length, "--journal", str(self._journal)],
                cwd=ROOT, env={**os.environ, **CHEAP}, stdout=output, stderr=output,
            )  # fmt: skip
        self.advance(1)

    def _urls(self) -> tuple[str, ...]:
        system = self._product.system
        return ("--command-url", system.command, "--query-url", system.query)

    def acknowledged(self) -> int:
        """How many messages were acknowledged so far."""
        if self._journal.exists():
            with self._journal.open("rb") as lines:
                lines.seek(self._read)
                whole = lines.read().rpartition(b"\n")[0]
            if whole:
                self._counted += whole.count(b'"SendMessage"')
                self._read += len(whole) + 1
        return self._counted

    def entries(self) -> list[dict[str, Any]]:
        """What was acknowledged."""
        return read_journal(self._journal)

    def advance(self, messages: int) -> None:
        """Wait until so many more messages were acknowledged."""
        goal = self.acknowledged() + messages
        until(lambda: self.acknowledged() >= goal or self.gave_up(), f"{messages} more messages are acknowledged", 60.0)

    def gave_up(self) -> str | None:
        """What it said when it ended by itself, which it never may."""
        assert self._process is not None
        return None if self._process.poll() is None else f"the load ended: {self._said.read_text()[-1000:]}"

    def pause(self) -> None:
        """Send nothing more; what is on its way is answered."""
        self._signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """Send again."""
        self._signal(signal.SIGCONT)

    def stop(self) -> None:
        """End it."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()

    def _signal(self, signum: signal.Signals) -> None:
        assert self._process is not None
        if self._process.poll() is None:
            self._process.send_signal(signum)

    def verified(self) -> str | None:
        """What a client finds wrong who reads every channel over HTTP; None when nothing is missing or doubled."""
        done = run_mimo("demo", *self._urls(), "--verify", str(self._journal))
        return None if done.returncode == 0 else f"not what was acknowledged: {done.stdout}{done.stderr}"


@contextmanager
def running_load(product: Product) -> Iterator[Load]:
    """A load that has begun; it ends with the context."""
    load = Load(product)
    try:
        load.start()
        yield load
    finally:
        load.stop()
