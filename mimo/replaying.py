"""What `mimo replay` and its companions do with the database and with processes.

It must not know the terminal.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from events.errors import CannotStart
from infra.postgres import Role
from infra.settings import Settings
from mimo.cluster import require_cluster
from mimo.database import connected
from mimo.jobs import processes
from projectors.building import SOURCES, command
from projectors.checkpoints import Generation
from projectors.generations import Status, begun_generation, drop_retired, earlier, retire, standing_of
from projectors.projection import Projection
from projectors.replay import Replay, Standing, patiently
from projectors.switching import switch
from projectors.views import PROJECTIONS

APPLICATION = "mimo-replay"
SILENCE_SECONDS = 10.0
"""Longer than ending the processes that build may take; a replay is not silent otherwise."""
PATIENCE_SECONDS = 15.0

_GENERATIONS = """
    select projection, version, generation, status, created_at, live_at, events_behind, stopped, parked, bytes
    from read.generation where $1::text is null or projection = $1 order by projection, generation"""
_ENDS_WHEN_SILENT = "select set_config('idle_session_timeout', $1, false)"
_EVENTS = "select count(*) from log.tail where topic = any ($1::text[])"


@dataclass(frozen=True)
class Plan:
    """How a projection is to be replayed.

    Attributes:
        projection: which one.
        source: `log`, or `kafka`.
        jobs: processes that build.
        rate: events a second at most; None: as many as they can.
    """

    projection: Projection
    source: str = "log"
    jobs: int = 1
    rate: float | None = None

    def options(self) -> dict[str, str]:
        """How, in words."""
        rate = {} if self.rate is None else {"rate": f"{self.rate:g}"}
        return {"source": self.source, "jobs": str(self.jobs), **rate}

    def environment(self, settings: Settings) -> dict[str, str]:
        """What the processes that build must know of the source.

        Raises:
            CannotStart: there is no such source here; the text says why.
        """
        if self.source not in SOURCES:
            raise CannotStart(f"--from must be one of {', '.join(SOURCES)}.")
        return {} if self.source == "log" else {"MIMO_KAFKA_BOOTSTRAP": require_cluster(settings).bootstrap}


def wanted(name: str) -> Projection:
    """The projection of a name.

    Raises:
        CannotStart: there is none.
    """
    for projection in PROJECTIONS:
        if projection.name == name:
            return projection
    raise CannotStart(f"There is no projection {name}: there are {', '.join(p.name for p in PROJECTIONS)}.")


async def plan_sentence(url: str, plan: Plan) -> str:
    """What a replay would do, without doing it."""
    async with connected(url, APPLICATION, Role.PROJECTOR) as connection:
        begun = await begun_generation(connection, plan.projection)
        events = await connection.fetchval(_EVENTS, list(plan.projection.topics))
    what = "build a new generation" if begun is None else f"go on building {begun[0].schema}"
    return (
        f"Would {what} from {events} events of {', '.join(plan.projection.topics)}, "
        f"with {plan.jobs} {'process' if plan.jobs == 1 else 'processes'}, and show it to readers."
    )


async def run_replay(
    url: str,
    plan: Plan,
    environment: Mapping[str, str],
    tell: Callable[[Standing], None],
    *,
    takes_over: bool = False,
) -> Generation:
    """Replays a projection.

    Args:
        url: the database.
        plan: how.
        environment: of the processes that build, beside the database and this process's own.
        tell: is told how far it is.
        takes_over: whether one that is done by a process that is frozen or was killed just now is waited out, and
            this one loses its place when it is frozen itself.

    Raises:
        ReplayFailed: it cannot go on; the text says why.
        CannotStart: the database cannot be used.
    """
    rate = None if plan.rate is None else plan.rate / plan.jobs

    def jobs(generation: Generation) -> Any:
        return processes(command(generation, plan.source, rate), plan.jobs, {**environment, "MIMO_DATABASE_URL": url})

    async with connected(url, APPLICATION, Role.PROJECTOR) as connection:
        if takes_over:
            await connection.execute(_ENDS_WHEN_SILENT, f"{SILENCE_SECONDS:.0f}s")
        patience_seconds = PATIENCE_SECONDS if takes_over else 0.0
        return await Replay(plan.projection, connection, jobs, tell, patience_seconds).run()


async def shown_before(url: str, projection: Projection) -> Generation:
    """The generation that readers saw before the one that they see now.

    Raises:
        CannotStart: there is none.
    """
    async with connected(url, APPLICATION, Role.PROJECTOR) as connection:
        generation = await earlier(connection, projection)
    if generation is None:
        raise CannotStart(f"Readers of {projection.name} saw no other generation before that is still there.")
    return generation


async def run_rollback(url: str, projection: Projection, number: int) -> Generation:
    """Shows a generation that stands by; nothing is done if readers see it already.

    Raises:
        CannotStart: it does not stand by.
        ReplayFailed: readers or writers were in the way for too long.
    """
    async with connected(url, APPLICATION, Role.PROJECTOR) as connection:
        found = await standing_of(connection, projection.name, number)
        if found is None or found[0].version != projection.version or found[1] not in (Status.STANDBY, Status.LIVE):
            raise CannotStart(
                f"{projection.name} has no generation {number} on standby: `mimo generations` lists what there is."
            )
        generation, status = found
        if status is Status.STANDBY:
            await patiently(partial(switch, connection, projection, generation))
        return generation


async def list_generations(url: str, projection: str | None) -> list[dict[str, Any]]:
    """The generations that are not retired, of one projection or of all; times as text."""
    async with connected(url, APPLICATION, Role.PROJECTOR) as connection:
        rows = await connection.fetch(_GENERATIONS, projection)
    return [{name: _as_text(value) for name, value in row.items()} for row in rows]


async def run_drop(url: str, projection: Projection, number: int) -> None:
    """Drops a generation, or what is left of it.

    Raises:
        NotStandingBy: readers see it, or it is not there.
        ReplayFailed: readers were in the way for too long.
    """
    async with connected(url, APPLICATION, Role.PROJECTOR) as connection:
        found = await standing_of(connection, projection.name, number)
        if found is None or found[1] is not Status.RETIRED:
            await retire(connection, projection.name, number)
        await patiently(partial(drop_retired, connection, projection.name))


def _as_text(value: Any) -> Any:
    return value.isoformat(timespec="seconds") if isinstance(value, datetime) else value
