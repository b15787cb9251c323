"""Scratch schemas: parts of the log as a view would show them, kept for some days to be looked at.

The tables are a generation's, which follows nothing; a schema of the name that was asked for has the views that readers
know over them. It must not know how they are filled, nor who takes erased people out of them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

import asyncpg

from events.errors import MimoError
from projectors.checkpoints import Generation
from projectors.projection import Projection
from projectors.switching import LOCK_BRIEFLY, LOCK_TIMEOUT

_NAME = re.compile(r"scratch_[a-z0-9_]{1,55}", re.ASCII)

_ALONE = "select pg_try_advisory_lock(hashtextextended('mimo scratch ' || $1, 0))"
_TAKEN = "select exists (select from pg_namespace where nspname = $1)"
_VIEWS_ON_PATH = "select set_config('search_path', quote_ident($1) || ', ' || quote_ident($2), true)"
_KEEP = """
    with kept as (
        update projection.generation set status = 'scratch'
        where projection = $2 and generation = $3 and status = 'aside' returning projection, generation),
    followed as (
        delete from projection.checkpoint c using kept k
        where c.projection = k.projection and c.generation = k.generation)
    insert into projection.scratch (name, projection, generation, upto, stream, key, keep_until)
    select $1, projection, generation, $4, $5, $6, now() + $7 from kept returning keep_until"""
_LIST = """
    select s.name, s.projection, g.version, s.generation, s.upto, s.stream, s.key, g.created_at, s.keep_until,
      array(select s.name || '.' || c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
            where n.nspname = s.name and c.relkind = 'v' order by c.relname) as views
    from projection.scratch s join projection.generation g using (projection, generation) order by s.name"""
_OUTDATED = "select name from projection.scratch where keep_until < now()"
_DROP = """
    with gone as (delete from projection.scratch where name = $1 returning projection, generation)
    update projection.generation g set status = 'retired' from gone
    where g.projection = gone.projection and g.generation = gone.generation
    returning format('%s_v%s_g%s', g.projection, g.version, g.generation)"""
_DROP_SCHEMA = "select projection.drop_schema($1)"


class NotKept(MimoError):
    """A scratch schema cannot be made, or there is none; the text says why."""


@dataclass(frozen=True)
class Part:
    """A part of the log.

    Attributes:
        upto: the position of the last event.
        stream: of this stream only; None: of all.
        key: of this key only; None: of all.
    """

    upto: int
    stream: str | None = None
    key: str | None = None


@dataclass(frozen=True)
class Kept:
    """A scratch schema.

    Attributes:
        name: of the schema.
        generation: whose tables its views show.
        part: of the log, that it is built from.
        made_at: when.
        keep_until: when it is dropped.
        views: in it, with the schema's name.
    """

    name: str
    generation: Generation
    part: Part
    made_at: datetime
    keep_until: datetime
    views: tuple[str, ...]


def require_name(name: str) -> None:
    """Makes sure that a schema may have this name: backups leave out what is called so, and nothing else is.

    Raises:
        NotKept: it may not.
    """
    if not _NAME.fullmatch(name):
        raise NotKept(
            f"{name!r} is no name for a scratch schema: write scratch_ and then small letters, digits or _, "
            "63 in all at most."
        )


async def reserve(connection: asyncpg.Connection, name: str) -> None:
    """Makes sure that nobody else makes a schema of this name, for as long as the session lasts.

    Raises:
        NotKept: it is there already, or somebody is making it.
    """
    if not await connection.fetchval(_ALONE, name):
        raise NotKept(f"{name} is being built already.")
    if await connection.fetchval(_TAKEN, name):
        raise NotKept(
            f"There is a schema {name} already: choose another name, or drop it (`mimo scratch drop {name}`)."
        )


async def keep(
    connection: asyncpg.Connection,
    projection: Projection,
    generation: Generation,
    name: str,
    part: Part,
    time: timedelta,
) -> Kept:
    """Makes a generation that was built aside a scratch schema: entirely or not at all.

    Args:
        connection: outside a transaction.
        projection: whose generation.
        generation: that is complete.
        name: reserved.
        part: what it was built from.
        time: how long it is kept.

    Raises:
        NotKept: the generation was retired meanwhile: the log became another history.
    """
    async with connection.transaction():
        await connection.execute("select projection.create_schema($1)", name)
        await connection.execute(_VIEWS_ON_PATH, name, generation.schema)
        await connection.execute(projection.views_ddl)
        kept = (name, projection.name, generation.number, part.upto, part.stream, part.key, time)
        if await connection.fetchval(_KEEP, *kept) is None:
            raise NotKept(f"{generation.schema} was retired meanwhile.")
        return next(one for one in await list_kept(connection) if one.name == name)


async def list_kept(connection: asyncpg.Connection) -> list[Kept]:
    """The scratch schemas that there are."""
    return [
        Kept(
            row["name"],
            Generation(row["projection"], row["version"], row["generation"]),
            Part(row["upto"], row["stream"], row["key"]),
            row["created_at"],
            row["keep_until"],
            tuple(row["views"]),
        )
        for row in await connection.fetch(_LIST)
    ]


async def outdated(connection: asyncpg.Connection) -> list[str]:
    """The names of those whose time is over."""
    return [row["name"] for row in await connection.fetch(_OUTDATED)]


async def drop(connection: asyncpg.Connection, name: str) -> None:
    """Drops a scratch schema with its tables; until that is done, people are erased in it.

    Args:
        connection: outside a transaction.
        name: of the schema.

    Raises:
        NotKept: there is none of this name.
        asyncpg.PostgresError: among others LockNotAvailableError, when a reader is in the way; try again.
    """
    async with connection.transaction():
        await connection.execute(LOCK_BRIEFLY, LOCK_TIMEOUT)
        tables = await connection.fetchval(_DROP, name)
        if tables is None:
            raise NotKept(f"There is no scratch schema {name}: `mimo scratch` lists them.")
        await connection.execute(_DROP_SCHEMA, name)
        await connection.execute(_DROP_SCHEMA, tables)
