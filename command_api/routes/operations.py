"""What operators have done to projections: asked for here, carried out by the operations worker.

It must not know how, nor which projections there are: what cannot be done is said when the operation has ended.
"""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from fastapi import FastAPI, Path
from pydantic import Field

from command_api.answers import Accepted, accepted, id_in
from command_api.call import Call, Called
from command_api.domain import operations
from command_api.domain.decision import Decision
from command_api.routes import add_command
from command_api.texts import WHOLE, Body, Number
from events.catalog import decode
from events.errors import Forbidden, MimoError, Refused
from infra.ids import new_id
from infra.web.answer import Ready
from infra.web.auth import Authenticated, Caller

Projection = Annotated[str, Path(min_length=1, max_length=40, pattern="^[a-z_]+$", description="Such as messages.")]
Key = Annotated[str, Field(min_length=1, max_length=100, pattern="^[!-~]+$")]
MAX_JOBS = 16


class Replaying(Body):
    """How to build the next generation."""

    source: Literal["log", "kafka"] = Field(default="log", description="Where its events come from.")
    jobs: Annotated[int, Field(strict=True, ge=1, le=MAX_JOBS), WHOLE] = Field(
        default=1, description="Processes that build."
    )
    rate: Number | None = Field(default=None, description="Events a second at most; null: as many as it can.")


class Dropping(Body):
    """Which generation."""

    generation: Number = Field(description="One that readers do not see.")


class RollingBack(Body):
    """Which generation."""

    generation: Number = Field(description="One on standby; readers see it then.")


class Retrying(Body):
    """Which parked events."""

    keys: Annotated[list[Key], Field(max_length=20)] = Field(default=[], description="Only these; none: all.")


class Discarding(Body):
    """Which parked events, and how many: if there are others by then, nothing is given up."""

    key: Key
    events: Number = Field(description="How many of them are seen parked.")


class OperationAccepted(Accepted):
    """Which operation; the query API tells how it comes along (`GET /v1/operations`)."""

    operation_id: UUID


async def replay(projection: Projection, body: Replaying, caller: Authenticated, call: Called) -> Ready:
    """Builds a projection anew from the log and shows it to readers once it has everything."""
    return await _ask(call, caller, "replay", projection, body)


async def rollback(projection: Projection, body: RollingBack, caller: Authenticated, call: Called) -> Ready:
    """Shows a generation on standby to readers."""
    return await _ask(call, caller, "rollback", projection, body)


async def drop(projection: Projection, body: Dropping, caller: Authenticated, call: Called) -> Ready:
    """Drops a generation that readers do not see."""
    return await _ask(call, caller, "drop", projection, body)


async def verify(projection: Projection, caller: Authenticated, call: Called) -> Ready:
    """Compares what readers see of a projection with the log, row by row."""
    return await _ask(call, caller, "verify", projection)


async def retry_parked(projection: Projection, body: Retrying, caller: Authenticated, call: Called) -> Ready:
    """Applies parked events in order, once what was wrong is mended."""
    return await _ask(call, caller, "retry-parked", projection, body)


async def discard_parked(projection: Projection, body: Discarding, caller: Authenticated, call: Called) -> Ready:
    """Gives up a key's parked events; they stay in the log."""
    return await _ask(call, caller, "discard-parked", projection, body)


async def cancel(operation_id: UUID, caller: Authenticated, call: Called) -> Ready:
    """Stops an operation that has not ended. A replay begun anew goes on where it was stopped."""
    _admins_only(caller)
    store = call.api.store

    async def decide() -> Decision:
        recorded = await store.read_stream(f"operation-{operation_id}")
        return operations.cancel([decode(e.type, e.schema, e.data, e.id, store.ring) for e in recorded])

    intent = call.intent(caller.actor, f"cancel {operation_id}")
    appended = await call.api.write.decided(intent, decide, _unexpected)
    return accepted(200, appended, store.log_id, {"operation_id": operation_id})


def add_routes(app: FastAPI) -> None:
    """Adds the routes."""
    path = "/v1/projections/{projection}"
    refusals = ("forbidden", "operation_underway")
    for action in (replay, rollback, drop, verify, retry_parked, discard_parked):
        name = action.__name__.replace("_", "-")
        add_command(app, "POST", f"{path}/{name}", action, answers=OperationAccepted, status=202, refusals=refusals)
    path = "/v1/operations/{operation_id}/cancel"
    add_command(app, "POST", path, cancel, answers=OperationAccepted, refusals=("forbidden", "not_found"))


async def _ask(call: Call, caller: Caller, action: str, projection: str, body: Body | None = None) -> Ready:
    _admins_only(caller)
    decision = operations.request(new_id(), action, projection, _options(body))
    intent = call.intent(caller.actor, f"{action} {projection}", body)
    appended = await call.api.write.once(intent, decision, operations.request_refused)
    return accepted(202, appended, call.api.store.log_id, {"operation_id": id_in(appended.events[0].stream)})


def _options(body: Body | None) -> dict[str, str]:
    """As the event has them: texts, and only what says something."""
    given = {} if body is None else body.model_dump(exclude_none=True)
    return {name: " ".join(value) if isinstance(value, list) else str(value) for name, value in given.items() if value}


def _admins_only(caller: Caller) -> None:
    if "admin" not in caller.roles:
        raise Forbidden("Only admins may do this.")


def _unexpected(refused: Refused) -> MimoError:
    return refused
