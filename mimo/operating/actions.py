"""How each thing that can be asked for at the desk is done: by the same deeds as on the command line.

It must not know when, nor what becomes of the answer. Imported with the first operation: until then nothing of it is
needed in memory.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from events.errors import CannotStart
from events.operations import OperationRequested
from infra.postgres import Role
from infra.settings import Settings
from mimo import deeds
from mimo.database import connected
from mimo.operations import Done
from mimo.replaying import APPLICATION, Plan, wanted
from mimo.telling import Tell
from projectors.generations import live_generation
from projectors.projection import Projection

Options = Mapping[str, str]


async def carry_out(settings: Settings, asked: OperationRequested, begun: str | None, tell: Tell) -> Done[Any]:
    """Does what was asked for.

    Args:
        settings: where everything is.
        asked: what for.
        begun: what another process was doing of it when it was killed; None: nobody has begun it.
        tell: is told how far it is.

    Raises:
        CannotStart: this cannot be done; the text says why.
        MimoError: it did not work; the text says why.
    """
    action = _ACTIONS.get(asked.action)
    if action is None:
        raise CannotStart(f"This version of mimo cannot do {asked.action} at the desk.")
    return await action(settings, wanted(asked.target), asked.options, begun, tell)


async def _replay(
    settings: Settings, projection: Projection, options: Options, begun: str | None, tell: Tell
) -> Done[Any]:
    url = settings.require_database_url
    if begun is not None and (shown := await _shown(url, projection, begun)):
        return shown
    rate = options.get("rate")
    plan = Plan(projection, options.get("source", "log"), int(options.get("jobs", 1)), float(rate) if rate else None)
    return await deeds.replay(url, plan, plan.environment(settings), tell, takes_over=True)


async def _shown(url: str, projection: Projection, begun: str) -> Done[Any] | None:
    """The end of a replay that was killed after it had shown what it built, but before it could say so."""
    async with connected(url, APPLICATION, Role.PROJECTOR) as connection:
        live = await live_generation(connection, projection)
    return deeds.shown(live) if live is not None and begun.endswith(f" {live.schema}") else None


async def _rollback(
    settings: Settings, projection: Projection, options: Options, _: str | None, tell: Tell
) -> Done[Any]:
    return await deeds.rollback(settings.require_database_url, projection, int(options["generation"]), tell)


async def _drop(settings: Settings, projection: Projection, options: Options, _: str | None, tell: Tell) -> Done[Any]:
    return await deeds.drop(settings.require_database_url, projection, int(options["generation"]), tell)


async def _verify(settings: Settings, projection: Projection, _: Options, __: str | None, tell: Tell) -> Done[Any]:
    return await deeds.verify(settings.require_database_url, projection, tell)


async def _retry(settings: Settings, projection: Projection, options: Options, _: str | None, tell: Tell) -> Done[Any]:
    keys = options.get("keys", "").split()
    return await deeds.retry_parked(settings.require_database_url, projection, keys, tell)


async def _discard(
    settings: Settings, projection: Projection, options: Options, _: str | None, tell: Tell
) -> Done[Any]:
    url, key, events = settings.require_database_url, options["key"], int(options["events"])
    return await deeds.discard_parked(url, projection, key, events, tell)


Action = Callable[[Settings, Projection, Options, str | None, Tell], Awaitable[Done[Any]]]
_ACTIONS: Mapping[str, Action] = {
    "replay": _replay,
    "rollback": _rollback,
    "drop": _drop,
    "verify": _verify,
    "retry-parked": _retry,
    "discard-parked": _discard,
}
