"""The worker: finds what was asked for at the desk and has not ended, and carries it out.

What is outstanding follows from the log, whose claims say what has been asked for and has not ended; so nothing is
forgotten, whoever is killed and whenever. Several workers may run: a session advisory lock for each target gives it to
one of them, on a session that dies with its holder. It must not know how anything is done (`actions.py`).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import structlog

from events.errors import MimoError
from infra.event_log.membership import Pace
from infra.event_store import open_event_store
from infra.postgres import AWAY, Role, connect
from infra.settings import Settings
from mimo.operating.outstanding import Books, Outstanding
from mimo.operating.task import Task

APPLICATION = "mimo-operations"
POLL_SECONDS = 0.5
"""How soon something is begun that was asked for, and ended that was stopped. It is the session's heartbeat, too."""
FIRST_PAUSE_SECONDS = 0.25
LONGEST_PAUSE_SECONDS = 5.0
BACKS_OFF: tuple[type[Exception], ...] = (*AWAY, asyncpg.PostgresError, MimoError)
"""Also when it meets a request that only newer code understands."""
STARTING = "it has not looked at the log yet"
_log = structlog.get_logger("mimo.operations")


class Worker:
    """One worker.

    Args:
        settings: where everything is.
        pace: after how much silence its session ends.
        poll_seconds: how often it looks.
    """

    def __init__(self, settings: Settings, pace: Pace | None = None, poll_seconds: float = POLL_SECONDS) -> None:
        self._settings = settings
        self._pace = pace or Pace()
        self._poll_seconds = poll_seconds
        self._trouble: str | None = STARTING

    async def unready(self) -> str | None:
        """Why nothing is carried out; None when all is well."""
        return self._trouble

    async def run(self) -> None:
        """Runs until it is cancelled; while the database is away, it backs off."""
        pause_seconds = FIRST_PAUSE_SECONDS
        while True:
            try:
                async with self._opened() as (books, task):
                    pause_seconds = FIRST_PAUSE_SECONDS
                    await self._serve(books, task)
            except BACKS_OFF as error:
                self._say(f"backing off: {error or type(error).__name__}")
            await asyncio.sleep(pause_seconds)
            pause_seconds = min(2 * pause_seconds, LONGEST_PAUSE_SECONDS)

    def _say(self, trouble: str) -> None:
        if trouble != self._trouble:
            _log.warning("operations_not_carried_out", reason=trouble)
        self._trouble = trouble

    @asynccontextmanager
    async def _opened(self) -> AsyncIterator[tuple[Books, Task]]:
        url = self._settings.require_database_url
        session = await connect(url, application=APPLICATION, role=Role.COMMAND)
        try:
            books = Books(session, self._pace)
            await books.open()
            async with open_event_store(url, application=APPLICATION, pool_size=1) as store:
                yield books, Task(self._settings, store, APPLICATION)
        finally:
            session.terminate()

    async def _serve(self, books: Books, task: Task) -> None:
        """Has everything carried out until the session is lost; what was begun is then let go."""
        underway: dict[Outstanding, asyncio.Task[None]] = {}
        try:
            while True:
                await self._look(books, task, underway)
                self._trouble = None
                await asyncio.sleep(self._poll_seconds)
        finally:
            for running in underway.values():
                running.cancel()
            await asyncio.gather(*underway.values(), return_exceptions=True)

    async def _look(self, books: Books, task: Task, underway: dict[Outstanding, asyncio.Task[None]]) -> None:
        outstanding = await books.outstanding()
        for one, running in list(underway.items()):
            if running.done():
                del underway[one]
                await books.give_back(one.target)
                _say_how(one, running)
            elif one not in outstanding and one.working and not one.stopped:
                one.stopped = True
                running.cancel()
        busy = {one.target for one in underway}
        for one in outstanding:
            if one.target not in busy and one not in underway:
                busy.add(one.target)
                if await books.take(one):
                    underway[one] = asyncio.create_task(task.carry_out(one), name=f"{one.action} {one.target}")


def _say_how(one: Outstanding, running: asyncio.Task[None]) -> None:
    """What nobody awaits is said in the log lines: it will be begun again."""
    if not running.cancelled() and (error := running.exception()) is not None:
        _log.error("operation_let_go", action=one.action, target=one.target, exc_info=error)
