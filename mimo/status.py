"""`mimo status`: how far each projection, and in Kafka mode the relay, is behind the log.

It must not know the projections, nor Kafka; their books tell (schema `projection`, `read.relay`).
"""

from dataclasses import dataclass
from datetime import datetime

import asyncpg

from events.errors import CannotStart
from infra.postgres import connect
from infra.relay.standing import Standing, read_standing
from mimo.presence import Process, read_processes

STATUS = """
select g.projection, g.version, g.generation, g.status,
       sum(greatest(coalesce(head.last, 0) - c."offset", 0))::bigint as events_behind,
       coalesce(extract(epoch from clock_timestamp() - min(waiting.at)), 0)::float8 as seconds_behind,
       (select count(*) from projection.parked p
        where p.projection = g.projection and p.generation = g.generation) as parked,
       max(c.stopped) as stopped, g.unfollowed_since
from projection.generation g
join projection.checkpoint c using (projection, generation)
left join lateral (
    select e."offset" as last from log.event e
    where e.topic = c.topic and e.partition = c.partition order by e."offset" desc limit 1) head on true
left join lateral (
    select e.at from log.event e
    where e.topic = c.topic and e.partition = c.partition and e."offset" > c."offset"
    order by e."offset" limit 1) waiting on true
where g.status <> 'retired'
group by g.projection, g.version, g.generation, g.status
order by g.projection, g.generation
"""
LAST_POSITION = "select coalesce(max(position), 0) from log.event"


@dataclass(frozen=True)
class Line:
    """How one generation of a projection stands.

    Attributes:
        projection: its name.
        version: of its shape.
        generation: which build.
        status: building, standby, live or aside.
        events_behind: events in the log that it has not applied, over all its partitions.
        seconds_behind: the age of the oldest of them; 0 when there is none.
        parked: events set aside because they could not be applied.
        stopped: why it stands still; None while it moves.
        unfollowed_since: since when no process is seen to follow it, where a projector saw that; None while one does.
    """

    projection: str
    version: int
    generation: int
    status: str
    events_behind: int
    seconds_behind: float
    parked: int
    stopped: str | None
    unfollowed_since: datetime | None = None


@dataclass(frozen=True)
class Status:
    """The whole pipeline.

    Attributes:
        position: the position of the last event, which is the number of events.
        lines: one per generation that is not retired.
        relay: where the relay is; None if this installation never was in Kafka mode.
        dead_letters: records of Kafka's topics that could not be read as events.
        processes: those of the system that were heard of within the hour, on all machines.
    """

    position: int
    lines: tuple[Line, ...]
    relay: Standing | None
    dead_letters: int
    processes: tuple[Process, ...] = ()


async def read_status(url: str) -> Status:
    """Ask the database how far everything is.

    Raises:
        CannotStart: it is out of reach or not migrated.
    """
    connection = await connect(url, application="mimo-status")
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            rows = await connection.fetch(STATUS)
            relay = await read_standing(connection)
            return Status(
                await connection.fetchval(LAST_POSITION),
                tuple(Line(**row) for row in rows),
                relay if relay.used else None,
                relay.dead_letters,
                await read_processes(connection),
            )
    except (asyncpg.UndefinedTableError, asyncpg.InvalidSchemaNameError):
        raise CannotStart("The database is not migrated yet: run `mimo migrate` or `mimo up`.") from None
    finally:
        await connection.close()


def relay_sentence(relay: Standing) -> str:
    """Where the relay is, for people."""
    behind = f"Kafka is {relay.lag_events} events and {relay.lag_seconds:.1f} s behind"
    return behind + (f": {relay.reason}" if relay.reason is not None else "")
