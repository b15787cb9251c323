"""Keeps the parts of the system running until it is told to stop, and then stops them in order.

It must not know what the parts do: they are processes with a name, some with an address to ask whether they are ready.
It runs in the main thread and uses no other, for the sake of the children that are tied to it.
"""

import time
from collections.abc import Callable, Mapping, Sequence

from events.errors import CannotStart
from infra.embedded_postgres import EmbeddedPostgres
from mimo.part import Part
from mimo.readiness import ask_ready
from mimo.signals import Signals

WATCH_SECONDS = 1.0
READY_POLL_SECONDS = 0.1
FAILURES_BEFORE_READY = 4
PATIENCE_SECONDS = 15.0
"""How long people are left without a word before everything is ready for the first time."""
STOP_SECONDS = 5.5
SERVER_STOP_SECONDS = 4.0
"""For the parts that others use, beside the database's own steps; both together stay below ten seconds."""
STOP_POLL_SECONDS = 0.05

Say = Callable[[str], None]


class Supervisor:
    """Runs the parts, and the embedded database if there is one."""

    def __init__(
        self, parts: Sequence[Part], ready_urls: Mapping[str, str], postgres: EmbeddedPostgres | None, say: Say
    ) -> None:
        """Describe a system; nothing is started.

        Args:
            parts: started together, in this order.
            ready_urls: by the part's name, the address that answers 200 when it is ready.
            postgres: the running embedded database; None if it is not ours.
            say: tells the person at the terminal a sentence.
        """
        self._parts = parts
        self._waiting = dict(ready_urls)
        self._postgres = postgres
        self._say = say
        self._was_ready = False
        self._tell_at = 0.0

    def run(self, signals: Signals, ready: Callable[[], None]) -> None:
        """Run until a signal asks to stop; everything that it started has ended when it returns or raises.

        Args:
            signals: entered by the caller.
            ready: called once, when every part is ready for the first time.

        Raises:
            CannotStart: a part does not come up at all, or the database cannot be started again.
        """
        self._tell_at = time.monotonic() + PATIENCE_SECONDS
        try:
            while not signals.stopping:
                self._watch_postgres(signals)
                self._watch_parts()
                if not self._was_ready and self._all_ready(signals):
                    self._was_ready = True
                    ready()
                signals.wait(self._seconds_to_next())
        finally:
            self._stop(signals)

    def _watch_parts(self) -> None:
        now = time.monotonic()
        for part in self._parts:
            how = part.ended(now)
            if how is not None:
                self._consider(part, how)
            if part.restart_at is not None and part.restart_at <= now:
                part.start(now)

    def _consider(self, part: Part, how: str) -> None:
        """A part has ended: say so, and give up if it never came up."""
        if not self._was_ready and part.failures >= FAILURES_BEFORE_READY:
            more = f"; see {part.output}" if part.output is not None else ""
            raise CannotStart(f"The {part.name} ended {part.failures} times before it was ready ({how}{more}).")
        self._say(f"The {part.name} ended ({how}); starting it again in {part.pause_seconds():.2g} s.")

    def _watch_postgres(self, signals: Signals) -> None:
        """Start the database again if it ended; if its address had to change, the parts must learn the new one."""
        postgres = self._postgres
        if postgres is None or postgres.process is None or postgres.process.poll() is None:
            return
        self._say(f"PostgreSQL ended (exit code {postgres.process.returncode}); starting it again.")
        address = postgres.url()
        try:
            postgres.start(gave_up=lambda: signals.stopping)
        except CannotStart:
            if signals.stopping:
                return
            raise
        if postgres.url() != address:
            for part in (part for part in self._parts if not part.serves):
                part.kill()
                part.restart_at = 0.0

    def _all_ready(self, signals: Signals) -> bool:
        for name, url in list(self._waiting.items()):
            found = ask_ready(url)
            if signals.stopping or not found.ready:
                self._tell(f"Waiting for the {name}: {found.reason}.")
                return False
            del self._waiting[name]
        return all(part.pid is not None for part in self._parts)

    def _tell(self, sentence: str) -> None:
        """Say what is being waited for, now and then."""
        if time.monotonic() >= self._tell_at:
            self._tell_at = time.monotonic() + PATIENCE_SECONDS
            self._say(sentence)

    def _seconds_to_next(self) -> float:
        if not self._was_ready:
            return READY_POLL_SECONDS
        now = time.monotonic()
        planned = [part.restart_at - now for part in self._parts if part.restart_at is not None]
        return min([WATCH_SECONDS, *planned])

    def _stop(self, signals: Signals) -> None:
        """End all parts, then what they use: the parts that serve others, and the database."""
        users = [part for part in self._parts if not part.serves]
        servers = [part for part in self._parts if part.serves]
        _ask_to_end(users)
        _wait_and_kill(users, time.monotonic() + STOP_SECONDS, signals)
        _ask_to_end(servers)
        deadline = time.monotonic() + SERVER_STOP_SECONDS
        if self._postgres is not None:
            self._postgres.stop()
        _wait_and_kill(servers, deadline, signals)


def _ask_to_end(parts: Sequence[Part]) -> None:
    for part in parts:
        part.ask_to_end()


def _wait_and_kill(parts: Sequence[Part], deadline: float, signals: Signals) -> None:
    """Wait until all have ended; those that take too long are killed, and all are when asked a second time to stop."""
    while signals.stops < 2 and time.monotonic() < deadline and not all(part.is_gone() for part in parts):
        signals.wait(STOP_POLL_SECONDS)
    for part in parts:
        part.kill()
