"""Generations: which builds of a projection there are, how one is born, and which one readers see.

    building ──► standby ◄──► live      aside ──► scratch                any of them ──► retired
    a replay fills it    switch         built up to some point, kept    dropped

Every standby is kept up with the log like the live one, so showing it is a switch at any time. It must not know how a
generation is filled.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from uuid import UUID

import asyncpg
import structlog

from projectors.checkpoints import Generation
from projectors.projection import Projection
from projectors.switching import LOCK_BRIEFLY, LOCK_TIMEOUT, ON_PATH, ONE_AT_A_TIME, NotStandingBy, show

LATE_SECONDS = 1.0

_INSTALLATION = "select log_id, partitions from log.installation"
_RETIRE_FOREIGN = """
    update projection.generation set status = 'retired'
    where projection = $1 and log_id <> $2 and status <> 'retired' returning generation"""
_RETIRE_OTHER_TOPICS = """
    update projection.generation g set status = 'retired'
    where projection = $1 and version = $2 and status not in ('scratch', 'retired') and $3::text[] <> array(
        select distinct c.topic collate "C" from projection.checkpoint c
        where c.projection = g.projection and c.generation = g.generation order by 1)
    returning generation"""
_GLANCE = """
    select concat_ws(' ', (select i.log_id from log.installation i),
        string_agg(g.generation || g.status, ' ' order by g.generation))
    from projection.generation g where g.projection = $1"""
_FOLLOWED = """
    select generation, status from projection.generation
    where projection = $1 and version = $2 and status in ('standby', 'live') order by generation"""
_BEAR = """
    insert into projection.generation (projection, version, generation, status, log_id)
    select $1, $2, coalesce(max(generation), 0) + 1, $3, $4 from projection.generation where projection = $1
    returning generation"""
_CHECKPOINTS = """
    insert into projection.checkpoint (projection, generation, topic, partition, "offset")
    select $1, $2, t.topic, p.partition, 0
    from unnest($3::text[]) t (topic), generate_series(0, $4 - 1) p (partition)"""
_NEXT = """
    select g.generation, g.status from projection.generation g
    where g.projection = $1 and g.version = $2 and g.live_at is null and g.status in ('building', 'standby')
      and g.generation > all (
        select l.generation from projection.generation l
        where l.projection = $1 and l.version = $2 and l.status = 'live')
    order by g.generation desc limit 1"""
_STAND_BY_NOW = """
    update projection.generation set status = 'standby'
    where projection = $1 and generation = $2 and status = 'building'"""
_IS_LATE = """
    select exists (
        select from projection.checkpoint c
        join log.tail e on e.topic = c.topic and e.partition = c.partition and e."offset" = c."offset" + 1
        where c.projection = $1 and c.generation = $2 and e.at < clock_timestamp() - make_interval(secs => $3))"""
_EARLIER = """
    select generation from projection.generation
    where projection = $1 and version = $2 and status = 'standby' and live_at is not null
    order by live_at desc limit 1"""
_RETIRE = """
    update projection.generation set status = 'retired'
    where projection = $1 and generation = $2 and status not in ('live', 'retired') returning version"""
_PRESENT = """
    select generation from projection.generation
    where projection = $1 and version = $2 and status not in ('scratch', 'retired') order by generation"""
_RETIRE_ASIDE = """
    update projection.generation set status = 'retired'
    where projection = $1 and generation = $2 and status = 'aside'"""
_OWN = "select pg_advisory_lock(hashtextextended('mimo aside ' || $1, 0))"
# Whose maker is gone, and its session with it.
_RETIRE_ABANDONED = """
    with aside as materialized (
        select generation, format('%s_v%s_g%s', projection, version, generation) as schema
        from projection.generation where projection = $1 and status = 'aside')
    update projection.generation g set status = 'retired' from aside a
    where g.projection = $1 and g.generation = a.generation
      and pg_try_advisory_xact_lock(hashtextextended('mimo aside ' || a.schema, 0))"""
_STANDING = "select version, status from projection.generation where projection = $1 and generation = $2"
_LIVE = """
    select generation from projection.generation
    where projection = $1 and version = $2 and status = 'live'"""
_RETIRED = """
    select g.version, g.generation from projection.generation g
    join pg_namespace n on n.nspname = format('%s_v%s_g%s', g.projection, g.version, g.generation)
    where g.projection = $1 and g.status = 'retired'"""
_DROP_SCRATCH = """
    with gone as (delete from projection.scratch where projection = $1 and generation = $2 returning name)
    select projection.drop_schema(name) from gone"""
_log = structlog.get_logger("mimo.generations")


class Status(StrEnum):
    """What a generation is there for."""

    BUILDING = "building"
    STANDBY = "standby"
    LIVE = "live"
    ASIDE = "aside"
    SCRATCH = "scratch"
    RETIRED = "retired"


async def followed(connection: asyncpg.Connection, projection: Projection) -> Mapping[Generation, Status]:
    """The generations that this code keeps up with the log; makes the first one.

    Generations of another history of the log, or of other topics than this code's, are retired, and a new one takes
    their place: readers see it once it is at most a second behind the log.

    Returns:
        Standbys and the live one, the oldest first.

    Raises:
        asyncpg.PostgresError: among others LockNotAvailableError, when a reader is in the way; try again.
    """
    async with connection.transaction():
        log_id, partitions = await _retire_strangers(connection, projection)
        found = await _found(connection, projection)
        if not found:
            born = await bear(connection, projection, log_id, partitions, Status.STANDBY)
            found[born] = Status.STANDBY
            _log.info("generation_born", generation=born.schema)
        if Status.LIVE not in found.values():
            for generation in reversed(found):
                if not await is_late(connection, generation):
                    await show(connection, projection, generation)
                    found[generation] = Status.LIVE
                    break
    return found


async def glance(connection: asyncpg.Connection, projection: Projection) -> str:
    """Says in one cheap question whether `followed` would find anything else than it did: then the answer differs."""
    answer: str = await connection.fetchval(_GLANCE, projection.name)
    return answer


async def begun_generation(connection: asyncpg.Connection, projection: Projection) -> tuple[Generation, Status] | None:
    """The generation that was begun after the live one and never shown, if there is one."""
    row = await connection.fetchrow(_NEXT, projection.name, projection.version)
    if row is None:
        return None
    return Generation(projection.name, projection.version, row["generation"]), Status(row["status"])


async def next_generation(connection: asyncpg.Connection, projection: Projection) -> tuple[Generation, Status]:
    """The generation that is to be shown next: one that was begun and never shown, else a new one.

    Returns:
        It, and whether a replay is `BUILDING` it or it is on `STANDBY`, kept up by the projector processes.
    """
    async with connection.transaction():
        log_id, partitions = await _retire_strangers(connection, projection)
        if begun := await begun_generation(connection, projection):
            return begun
        return await bear(connection, projection, log_id, partitions, Status.BUILDING), Status.BUILDING


async def aside(connection: asyncpg.Connection, projection: Projection) -> Generation:
    """A new generation that is never shown, for as long as the session lasts.

    Those whose sessions have ended are retired.

    Args:
        connection: makes one of each projection at most.
        projection: whose.
    """
    async with connection.transaction():
        log_id, partitions = await _retire_strangers(connection, projection)
        await retire_abandoned(connection, projection.name)
        generation = await bear(connection, projection, log_id, partitions, Status.ASIDE)
        await connection.execute(_OWN, generation.schema)
    return generation


async def retire_aside(connection: asyncpg.Connection, generation: Generation) -> None:
    """Has a generation dropped that nobody needs any more, unless it is kept as a scratch schema now."""
    await connection.execute(_RETIRE_ASIDE, generation.projection, generation.number)


async def retire_abandoned(connection: asyncpg.Connection, projection: str) -> None:
    """Has those dropped that were `aside` for somebody whose session has ended."""
    await connection.execute(_RETIRE_ABANDONED, projection)


async def live_generation(connection: asyncpg.Connection, projection: Projection) -> Generation | None:
    """The generation that readers see."""
    number = await connection.fetchval(_LIVE, projection.name, projection.version)
    return None if number is None else Generation(projection.name, projection.version, number)


async def present(connection: asyncpg.Connection, projection: Projection) -> list[Generation]:
    """All generations of this code's version that follow the log, the oldest first."""
    rows = await connection.fetch(_PRESENT, projection.name, projection.version)
    return [Generation(projection.name, projection.version, row["generation"]) for row in rows]


async def standing_of(connection: asyncpg.Connection, projection: str, number: int) -> tuple[Generation, Status] | None:
    """A generation by its number, and what it is there for; None: there never was one."""
    row = await connection.fetchrow(_STANDING, projection, number)
    return None if row is None else (Generation(projection, row["version"], number), Status(row["status"]))


async def stand_by(connection: asyncpg.Connection, generation: Generation) -> None:
    """Has a generation that was built followed by the projector processes."""
    await connection.execute(_STAND_BY_NOW, generation.projection, generation.number)


async def is_late(connection: asyncpg.Connection, generation: Generation) -> bool:
    """Whether an event waits for it that has been in the log for more than a second."""
    late: bool = await connection.fetchval(_IS_LATE, generation.projection, generation.number, LATE_SECONDS)
    return late


async def _retire_strangers(transaction: asyncpg.Connection, projection: Projection) -> tuple[UUID, int]:
    """Retires what belongs to another history or to other topics; nobody else makes generations until the commit.

    Returns:
        The log's history, and the partitions of each topic.
    """
    await transaction.execute(ONE_AT_A_TIME, projection.name)
    log_id, partitions = await transaction.fetchrow(_INSTALLATION)
    if foreign := await transaction.fetch(_RETIRE_FOREIGN, projection.name, log_id):
        _log.warning("history_changed", projection=projection.name, retired=[row[0] for row in foreign])
    topics = sorted(projection.topics)
    if other := await transaction.fetch(_RETIRE_OTHER_TOPICS, projection.name, projection.version, topics):
        _log.warning("topics_changed", projection=projection.name, retired=[row[0] for row in other])
    return log_id, partitions


async def _found(connection: asyncpg.Connection, projection: Projection) -> dict[Generation, Status]:
    rows = await connection.fetch(_FOLLOWED, projection.name, projection.version)
    return {Generation(projection.name, projection.version, row["generation"]): Status(row["status"]) for row in rows}


async def earlier(connection: asyncpg.Connection, projection: Projection) -> Generation | None:
    """The standby that readers saw before the live one, if it is there still."""
    number = await connection.fetchval(_EARLIER, projection.name, projection.version)
    return None if number is None else Generation(projection.name, projection.version, number)


async def retire(connection: asyncpg.Connection, projection: str, number: int) -> None:
    """Has a generation let go by those who follow it; `drop_retired` drops its tables.

    Raises:
        NotStandingBy: it is the live one, or not there.
    """
    if await connection.fetchval(_RETIRE, projection, number) is None:
        raise NotStandingBy(
            f"{projection} has no generation {number} that could be dropped: readers see it, or it is not there."
        )


async def drop_retired(connection: asyncpg.Connection, projection: str) -> list[Generation]:
    """Drops the tables of a projection's retired generations: nobody would erase people in them.

    Returns:
        Those.

    Raises:
        asyncpg.PostgresError: among others LockNotAvailableError, when a reader is in the way; try again.
    """
    rows = await connection.fetch(_RETIRED, projection)
    retired = [Generation(projection, row["version"], row["generation"]) for row in rows]
    for generation in retired:
        async with connection.transaction():
            await connection.execute(LOCK_BRIEFLY, LOCK_TIMEOUT)
            await connection.execute(_DROP_SCRATCH, generation.projection, generation.number)
            await connection.execute("select projection.drop_schema($1)", generation.schema)
    return retired


async def bear(
    transaction: asyncpg.Connection, projection: Projection, log_id: UUID, partitions: int, status: Status
) -> Generation:
    """Makes an empty generation, which nobody sees yet: its schema, tables and checkpoints."""
    number = await transaction.fetchval(_BEAR, projection.name, projection.version, status, log_id)
    generation = Generation(projection.name, projection.version, number)
    await transaction.execute("select projection.create_schema($1)", generation.schema)
    await transaction.execute(ON_PATH, generation.schema, LOCK_TIMEOUT)
    await transaction.execute(projection.tables_ddl)
    await transaction.execute(_CHECKPOINTS, projection.name, number, list(projection.topics), partitions)
    return generation
