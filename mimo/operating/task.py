"""One operation from its request to its end: done, tried again while the database is away, and written down.

It must not know how it is done (`actions.py`), nor who else works.
"""

from __future__ import annotations

import asyncio

import structlog

from command_api.domain.operations import ended
from events.errors import CannotStart, MimoError, Overloaded, Refused
from events.operations import Outcome
from events.ports import Append, NewEvent
from events.recorded import Meta
from infra.event_store import PostgresEventStore
from infra.ids import new_id
from infra.postgres import AWAY
from infra.settings import Settings
from mimo.operating.outstanding import Outstanding
from mimo.operations import Done, said_of, shortened
from mimo.telling import Telling, telling

ACTOR = "worker"
MOST_TRIES = 5
"""While the database answers us, and the work says that it is away."""
PAUSE_SECONDS = 1.0
_log = structlog.get_logger("mimo.operations")


class Task:
    """Carries operations out.

    Args:
        settings: where everything is.
        store: takes their ends.
        application: shown in pg_stat_activity.
    """

    def __init__(self, settings: Settings, store: PostgresEventStore, application: str) -> None:
        self._settings = settings
        self._store = store
        self._application = application

    async def carry_out(self, one: Outstanding) -> None:
        """Does it, and writes down what came of it; cancelled, it writes nothing down."""
        url = self._settings.require_database_url
        async with telling(url, one.asked.operation_id, self._application) as row:
            begun = await row.left()
            row.tell(begun or f"{one.action} {one.target}", 0, 0)
            _log.info("operation_begun", action=one.action, target=one.target, before=begun)
            try:
                outcome, said = await self._outcome(one, begun, row)
                one.working = False
                await self._end(one, outcome, said)
            except asyncio.CancelledError:
                row.over = one.stopped  # else somebody takes it up, and wants to know how far it was
                raise
            row.over = True

    async def _outcome(self, one: Outstanding, begun: str | None, row: Telling) -> tuple[Outcome, str]:
        from mimo.operating.actions import carry_out

        tries = 0
        while True:
            try:
                done: Done[object] = await carry_out(self._settings, one.asked, begun, row.tell)
            except Exception as error:
                tries += 1
                if tries == MOST_TRIES or not _is_away(error):
                    if not isinstance(error, MimoError):
                        _log.error("operation_broke", action=one.action, target=one.target, exc_info=error)
                    return "failed", _told(error, begun)
                row.tell(f"trying again: {type(error).__name__}", 0, 0)
            else:
                return done.outcome, done.said
            await asyncio.sleep(PAUSE_SECONDS)

    async def _end(self, one: Outstanding, outcome: Outcome, said: str) -> None:
        """Writes the end down, unless it was stopped meanwhile: then it has one."""
        meta = Meta(ACTOR, one.correlation_id, causation_id=str(one.event_id))
        event = NewEvent(new_id(), ended(one.asked, outcome, shortened(said)))
        append = Append((event,), meta, expected={one.asked.stream: 1})
        while True:
            try:
                await asyncio.shield(self._store.append(append))
            except Overloaded:
                await asyncio.sleep(PAUSE_SECONDS)
            except Refused:
                return
            else:
                _log.info("operation_ended", action=one.action, target=one.target, outcome=outcome)
                return


def _is_away(error: Exception) -> bool:
    """Whether the database is; `CannotStart` says so too, but mostly that something cannot be done at all."""
    if isinstance(error, CannotStart):
        return error.__cause__ is not None
    return isinstance(error, AWAY)


def _told(error: Exception, begun: str | None) -> str:
    if begun is None:
        return said_of(error)
    return f"{said_of(error)} (It was begun before by a process that ended in the middle: {begun}.)"
