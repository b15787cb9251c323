"""Generations: which builds of a projection there are, how one is born, and which one readers see.

It must not know how a generation is filled.
"""

from __future__ import annotations

from uuid import UUID

import asyncpg
import structlog

from projectors.checkpoints import CHANNEL, Generation
from projectors.projection import Projection

LOCK_TIMEOUT = "100ms"
"""A reader that holds a view makes us wait and try again, never other readers wait behind us."""

_ONE_AT_A_TIME = "select pg_advisory_xact_lock(hashtextextended('mimo generations of ' || $1, 0))"
_INSTALLATION = "select log_id, partitions from log.installation"
_RETIRE_FOREIGN = """
    update projection.generation set status = 'retired'
    where projection = $1 and log_id <> $2 and status <> 'retired' returning generation"""
_RETIRE_OTHER_TOPICS = """
    update projection.generation g set status = 'retired'
    where projection = $1 and version = $2 and status <> 'retired' and $3::text[] <> array(
        select distinct c.topic collate "C" from projection.checkpoint c
        where c.projection = g.projection and c.generation = g.generation order by 1)
    returning generation"""
_CURRENT = """
    select generation, status from projection.generation
    where projection = $1 and version = $2 and status <> 'retired' order by generation"""
_BEAR = """
    insert into projection.generation (projection, version, generation, status, log_id)
    select $1, $2, coalesce(max(generation), 0) + 1, 'building', $3 from projection.generation where projection = $1
    returning generation"""
_CHECKPOINTS = """
    insert into projection.checkpoint (projection, generation, topic, partition, "offset")
    select $1, $2, t.topic, p.partition, 0
    from unnest($3::text[]) t (topic), generate_series(0, $4 - 1) p (partition)"""
_ON_PATH = "select set_config('search_path', quote_ident($1), true), set_config('lock_timeout', $2, true)"
_RETIRE_LIVE = """
    update projection.generation set status = 'retired'
    where projection = $1 and version = $2 and status = 'live' and generation <> $3"""
_RETIRED = """
    select g.version, g.generation from projection.generation g
    join pg_namespace n on n.nspname = format('%s_v%s_g%s', g.projection, g.version, g.generation)
    where g.projection = $1 and g.status = 'retired'"""
_LOCK_BRIEFLY = "select set_config('lock_timeout', $1, true)"
_LIVE = "update projection.generation set status = 'live' where projection = $1 and generation = $2"
_log = structlog.get_logger("mimo.generations")


async def followed(connection: asyncpg.Connection, projection: Projection) -> list[Generation]:
    """The generations that this code keeps up with the log; makes the first one.

    Generations of another history of the log, or of other topics than this code's, are retired, and a new one takes
    their place.

    Raises:
        asyncpg.PostgresError: among others LockNotAvailableError, when a reader is in the way; try again.
    """
    async with connection.transaction():
        await connection.execute(_ONE_AT_A_TIME, projection.name)
        log_id, partitions = await connection.fetchrow(_INSTALLATION)
        if foreign := await connection.fetch(_RETIRE_FOREIGN, projection.name, log_id):
            _log.warning("history_changed", projection=projection.name, retired=[row[0] for row in foreign])
        topics = sorted(projection.topics)
        if other := await connection.fetch(_RETIRE_OTHER_TOPICS, projection.name, projection.version, topics):
            _log.warning("topics_changed", projection=projection.name, retired=[row[0] for row in other])
        rows = await connection.fetch(_CURRENT, projection.name, projection.version)
        current = [Generation(projection.name, projection.version, row["generation"]) for row in rows]
        if not any(row["status"] == "live" for row in rows):
            current.append(await bear(connection, projection, log_id, partitions))
            await switch(connection, projection, current[-1])
            _log.info("generation_born", generation=current[-1].schema)
    return current


async def drop_retired(connection: asyncpg.Connection, projection: Projection) -> None:
    """Drops the tables of retired generations: nobody follows them, so nobody would erase people in them.

    Raises:
        asyncpg.PostgresError: among others LockNotAvailableError, when a reader is in the way; try again.
    """
    for row in await connection.fetch(_RETIRED, projection.name):
        generation = Generation(projection.name, row["version"], row["generation"])
        async with connection.transaction():
            await connection.execute(_LOCK_BRIEFLY, LOCK_TIMEOUT)
            await connection.execute("select projection.drop_schema($1)", generation.schema)
        _log.info("generation_dropped", generation=generation.schema)


async def bear(transaction: asyncpg.Connection, projection: Projection, log_id: UUID, partitions: int) -> Generation:
    """Makes an empty generation, which nobody sees yet: its schema, tables and checkpoints."""
    number = await transaction.fetchval(_BEAR, projection.name, projection.version, log_id)
    generation = Generation(projection.name, projection.version, number)
    await transaction.execute("select projection.create_schema($1)", generation.schema)
    await transaction.execute(_ON_PATH, generation.schema, LOCK_TIMEOUT)
    await transaction.execute(projection.tables_ddl)
    await transaction.execute(_CHECKPOINTS, projection.name, number, list(projection.topics), partitions)
    return generation


async def switch(transaction: asyncpg.Connection, projection: Projection, generation: Generation) -> None:
    """Lets readers see a generation, from the commit on, in place of the one that they saw."""
    await transaction.execute(_ON_PATH, generation.schema, LOCK_TIMEOUT)
    await transaction.execute(projection.views_ddl)
    await transaction.execute(_RETIRE_LIVE, projection.name, generation.version, generation.number)
    await transaction.execute(_LIVE, projection.name, generation.number)
    await transaction.execute("select pg_notify($1, $2)", CHANNEL, projection.name)
