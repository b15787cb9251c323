"""What the command line does to the system is in the log: who asked for what before it is done, and after it what came
of it.

It must not know what is done. Whoever is killed in the middle leaves no end.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import structlog

from command_api.domain.operations import ended
from events.errors import MimoError
from events.operations import OperationRequested, Outcome
from events.ports import Append, NewEvent
from events.recorded import Meta
from infra.ids import new_id
from infra.postgres import AWAY
from mimo.database import event_store
from mimo.options import operator
from mimo.telling import APPLICATION, Tell, telling

STOPPED = "Stopped on the command line."
MOST_CHARACTERS = 500
"""Of what is said of an operation's end."""
NOT_WRITTEN: tuple[type[Exception], ...] = (*AWAY, MimoError)
"""What an append can end with."""

T = TypeVar("T")
_log = structlog.get_logger("mimo.operations")


@dataclass(frozen=True)
class Operation:
    """Something that is done to the system.

    Attributes:
        action: what, such as `replay`.
        target: to what: a projection, mostly.
        options: how; only what was given.
    """

    action: str
    target: str
    options: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Done(Generic[T]):
    """What came of an operation.

    Attributes:
        result: for whoever asked.
        said: the same in a sentence, without personal data: it goes into the log.
        well: whether it was done as it was asked.
    """

    result: T
    said: str
    well: bool = True

    @property
    def outcome(self) -> Outcome:
        """As the event has it."""
        return "done" if self.well else "failed"


Work = Callable[[Tell], Awaitable[Done[T]]]
"""Does it; is handed what to tell how far it is."""


async def audited(url: str, operation: Operation, work: Work[T]) -> T:
    """Does something for the operator at the machine, and writes into the log who did what and what came of it.

    Args:
        url: the database.
        operation: what is done.
        work: does it.

    Returns:
        What the work gives.

    Raises:
        CannotStart: the database cannot be used; nothing was done.
        Exception: whatever the work raises.
    """
    asked = OperationRequested(
        operation_id=new_id(),
        action=operation.action,
        target=operation.target,
        options=dict(operation.options),
        via="command_line",
    )
    request = NewEvent(new_id(), asked)
    meta = Meta(actor=f"operator:{operator()}", correlation_id=str(new_id()))
    await _append(url, request, meta)
    after = Meta(meta.actor, meta.correlation_id, causation_id=str(request.id))
    try:
        async with telling(url, asked.operation_id) as row:
            row.over = True  # however it ends, but for being killed
            done = await work(row.tell)
    except asyncio.CancelledError:
        await _note(url, asked, "cancelled", STOPPED, after)
        raise
    except Exception as error:
        await _note(url, asked, "failed", said_of(error), after)
        raise
    await _note(url, asked, done.outcome, done.said, after)
    return done.result


def also_telling(person: Tell, work: Work[T]) -> Work[T]:
    """The same work, which tells somebody else as well how far it is."""

    async def working(tell: Tell) -> Done[T]:
        def both(doing: str, done: int, total: int) -> None:
            person(doing, done, total)
            tell(doing, done, total)

        return await work(both)

    return working


def said_of(error: Exception) -> str:
    """What the log says of a failure: our own errors' texts hold no personal data, nobody knows what others' hold."""
    return str(error) if isinstance(error, MimoError) else f"It met an error: {type(error).__name__}."


def shortened(said: str) -> str:
    """As much of a sentence as an event holds."""
    return said if len(said) <= MOST_CHARACTERS else f"{said[: MOST_CHARACTERS - 1]}…"


async def _note(url: str, asked: OperationRequested, outcome: Outcome, said: str, meta: Meta) -> None:
    """Writes down the end; what was done is done even if that cannot be."""
    try:
        await _append(url, NewEvent(new_id(), ended(asked, outcome, shortened(said))), meta)
    except NOT_WRITTEN as error:
        _log.warning("end_not_written_down", action=asked.action, outcome=outcome, said=said, error=str(error))


async def _append(url: str, new: NewEvent, meta: Meta) -> None:
    async with event_store(url, APPLICATION) as store:
        await store.append(Append((new,), meta))
