"""After a restore: the log becomes another history, and the newest private values and the older log agree again.

A restored log is older than the private values beside it. Whoever was erased in between has no key any more, but the
log does not say so: they are erased again. Whoever registered in between is unknown to the log: their private values
go. It must not know how backups are made.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from uuid import UUID, uuid4

import asyncpg
from asyncpg.transaction import Transaction

from command_api import erasing
from command_api.write import Intent, WritePath
from events.errors import CannotStart
from events.recorded import Meta
from infra.event_store import open_event_store
from infra.ids import new_id
from infra.postgres import connect
from mimo.operations import Done, Operation, audited
from mimo.options import operator

APPLICATION = "mimo-log"
AT_ONCE = 500

# Whoever writes or follows the log reads this row first, so nobody begins to until the new id is there.
_ALONE = """
    set local lock_timeout = '5s';
    lock table log.installation in access exclusive mode"""
_OTHERS = """
    select array_agg(distinct a.application_name order by a.application_name) from pg_stat_activity a
    where a.datname = current_database() and a.application_name like 'mimo-%' and a.pid <> pg_backend_pid()"""
_PEOPLE = """
    select e.key::uuid as user_id, p.name is null as keyless
    from log.claim c join log.event e on e.id = c.event_id
    left join log.private p on p.name = 'data_key/' || e.key
    where c.scope = 'email' order by e.position"""
_FORGET_STRANGERS = """
    with known as materialized (
        select p.name, split_part(p.name, '/', 2) as person from log.private p
        where split_part(p.name, '/', 1) in ('data_key', 'password')),
    gone as (
        delete from log.private p using known k
        where p.name = k.name and (
            not exists (select from log.event e where e.stream = 'user-' || k.person)
            or exists (select from log.claim c where c.scope = 'erased' and c.key = k.person))
        returning k.person)
    select count(distinct person) from gone"""
_END_SESSIONS = "delete from log.private where name like 'refresh/%'"
_FORMER = "select log_id from log.installation"
_RENEW = "update log.installation set log_id = $1"


@dataclass(frozen=True)
class Mismatch:
    """How the private values differ from the log.

    Attributes:
        people: registered in the log and not erased in it.
        keyless: those of them who have no key: their data cannot be read any more.
        strangers: how many people have private values and are not, or not any more, in the log.
    """

    people: int
    keyless: tuple[UUID, ...]
    strangers: int


@dataclass(frozen=True)
class Renewed:
    """What was done.

    Attributes:
        log_id: the history's new id.
        erased: who was erased again.
        strangers: how many people's private values were deleted.
    """

    log_id: UUID
    erased: tuple[UUID, ...]
    strangers: int


async def inspect(url: str) -> Mismatch:
    """Look how the private values differ from the log; nothing is changed.

    Raises:
        CannotStart: the database cannot be used, or something is at work on it.
    """
    async with _alone(url) as (connection, transaction):
        found = await _agree(connection)
        await transaction.rollback()
        return found


async def renew(url: str, *, without_keys: bool = False) -> Renewed:
    """Give the log a new id, and make the private values and the log agree.

    Args:
        url: the database.
        without_keys: go on although nobody has a key, so that everybody is erased.

    Raises:
        CannotStart: the database cannot be used, something is at work on it, or nobody has a key; nothing was done.
    """
    log_id = uuid4()
    async with _alone(url) as (connection, transaction):
        found = await _agree(connection)
        if found.people and len(found.keyless) == found.people and not without_keys:
            raise CannotStart(
                "Nobody in this log has a key: restore the private values first. "
                "If there are none any more, --without-keys erases everybody."
            )
        await connection.execute(_END_SESSIONS)
        former = await connection.fetchval(_FORMER)
        await connection.execute(_RENEW, log_id)
        await transaction.commit()

    async def work(_: object) -> Done[None]:
        await _erase_again(url, found.keyless)
        return Done(None, f"People erased again: {len(found.keyless)}; forgotten: {found.strangers}.")

    # Not before: until the log has its new id, nothing may be added that others could take for the lost future.
    await audited(url, Operation("renew-log", str(log_id), {"former": str(former)}), work)
    return Renewed(log_id, found.keyless, found.strangers)


@asynccontextmanager
async def _alone(url: str) -> AsyncIterator[tuple[asyncpg.Connection, Transaction]]:
    """A transaction beside which nothing of ours is at work, nor begins to be."""
    connection = await connect(url, application=APPLICATION, transaction_timeout_seconds=0)
    transaction = connection.transaction()
    try:
        await transaction.start()
        await connection.execute(_ALONE)
        if others := await connection.fetchval(_OTHERS):
            raise CannotStart(f"Stop everything first: {', '.join(others)} at work on this database.")
        yield connection, transaction
    except asyncpg.LockNotAvailableError:
        raise CannotStart("Something is at work on this database: stop it first.") from None
    except (asyncpg.UndefinedTableError, asyncpg.InvalidSchemaNameError):
        raise CannotStart("The database is not migrated yet: run `mimo migrate` or `mimo up`.") from None
    finally:
        await connection.close()


async def _agree(connection: asyncpg.Connection) -> Mismatch:
    """Deletes what the log does not know of; says who has no key."""
    rows = await connection.fetch(_PEOPLE)
    keyless = tuple(UUID(bytes=row["user_id"].bytes) for row in rows if row["keyless"])
    return Mismatch(len(rows), keyless, await connection.fetchval(_FORGET_STRANGERS))


async def _erase_again(url: str, people: tuple[UUID, ...]) -> None:
    """Says in this history, too, that these people were erased; their addresses become free."""
    meta = Meta(actor=f"operator:{operator()}", correlation_id=str(new_id()))
    async with open_event_store(url, application=APPLICATION, pool_size=2) as store:
        write = WritePath(store)
        for start in range(0, len(people), AT_ONCE):
            now = people[start : start + AT_ONCE]
            await asyncio.gather(*(erasing.erase(store, write, Intent(meta), user_id) for user_id in now))
