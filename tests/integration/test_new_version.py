"""A new version of a projection comes up beside the old one, which goes on being read; what is left of that later."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from typing import Any, ClassVar
from uuid import UUID

import asyncpg
import msgspec
import pytest_asyncio

from events.recorded import Delivered
from events.users import UserErased, UserProfileChanged, UserRegistered
from infra.postgres import Role, connect
from mimo.replaying import wanted
from mimo.status import read_status
from projectors.kept import Part
from projectors.projection import Projection, Transaction
from tests.beside import beside, projecting
from tests.integration.test_replay import Installation
from tests.integration.test_scratch_schemas import built
from tests.until import until_answer

OLD = wanted("users")
LIVE = """
    select coalesce(array_agg(version order by version), '{}') from projection.generation
    where projection = 'users' and status = 'live'"""
BEHIND = """
    select coalesce(sum(events_behind), -1)::int from read.generation
    where projection = 'users' and version = $1 and status = 'live'"""
SEEN = "select coalesce(sum(version), 0)::int from read.users_v1"
OLD_PERSON = "select display_name from read.users_v1 where user_id = $1"
NEW_PERSON = "select name from read.users_v2 where user_id = $1"
FOLLOWED = "select unfollowed_since is null from projection.generation where projection = 'users' and version = $1"
FOR_LONG = """
    update projection.generation set unfollowed_since = now() - interval '25 hours'
    where unfollowed_since is not null"""
SCHEMAS = "select array_agg(nspname::text order by nspname) from pg_namespace where nspname ~ '^users_v'"
VIEWS = (
    "select array_agg(viewname::text order by viewname) from pg_views where schemaname = 'read' and viewname ~ '^users'"
)
STOPPED = """
    update projection.checkpoint c set stopped = 'poison' from projection.generation g
    where g.projection = c.projection and g.generation = c.generation and g.version = 2"""


class NewUsers(Projection):
    """Users as a later version of the code has them: other columns, other tables."""

    name = "users"
    version = 2
    handles: ClassVar = (UserRegistered, UserProfileChanged, UserErased)

    async def apply(self, transaction: Transaction, batch: Sequence[Delivered]) -> None:
        for one in batch:
            event = one.event
            if isinstance(event, UserRegistered):
                await transaction.execute("insert into somebody values ($1, $2, 0)", event.user_id, event.display_name)
            elif isinstance(event, UserProfileChanged):
                await transaction.execute(
                    "update somebody set name = case when not gone then $2 end, renamed = renamed + 1 where id = $1",
                    event.user_id,
                    event.display_name,
                )
            elif isinstance(event, UserErased):
                await self.erase(transaction, [event.user_id])

    @property
    def tables_ddl(self) -> str:
        return """
            create table somebody (
              id uuid primary key, name text, renamed integer not null, gone boolean not null default false);
            create function erase(people uuid[]) returns void language sql
            begin atomic
              update somebody set name = null, gone = true where id = any (people) and not gone;
            end;"""

    @property
    def views_ddl(self) -> str:
        return """
            create or replace view users_v2 as select id as user_id, name, renamed from somebody;
            grant select on users_v2 to mimo_query;"""


class Deployment:
    """An installation, and processes of both versions of the code."""

    def __init__(self, installation: Installation) -> None:
        self.installation, self.url, self.admin = installation, installation.url, installation.admin
        self.seen: list[int] = []
        self.enough = asyncio.Event()

    def old(self) -> Any:
        return projecting(self.url, projections=(OLD,))

    def new(self) -> Any:
        return projecting(self.url, projections=(NewUsers(),))

    async def until(self, wanted: Any, question: str, *arguments: Any) -> None:
        await until_answer(self.admin, question, wanted, *arguments)

    async def until_both_are_live(self) -> None:
        await self.until([1, 2], LIVE)
        for version in (1, 2):
            await self.until(0, BEHIND, version)

    async def read(self) -> None:
        """What a query API of the old version does, for ever."""
        reader = await connect(self.url, application="test-reader", role=Role.QUERY)
        try:
            while True:
                self.seen.append(await reader.fetchval(SEEN))
        finally:
            reader.terminate()

    async def write(self) -> None:
        while not self.enough.is_set():
            await self.installation.happen(25)

    async def erase(self) -> UUID:
        """Somebody with a name."""
        log = self.installation.school.log
        living = [one for one in self.installation.school.people if one not in self.installation.school.erased]
        gone: UUID = living[0]
        self.installation.school.erased.append(gone)
        await self.admin.execute("delete from log.private where name = 'data_key/' || $1", str(gone))
        log.add(UserErased(user_id=gone, email_hmac="", destroyed=("data_key",)))
        log.events[-1] = msgspec.structs.replace(log.events[-1], at=datetime.now(UTC))
        del log.keys[gone]
        await log.store(self.url)
        return gone

    async def old_rows(self, generation: int = 1) -> Any:
        return await self.installation.rows_of("users", generation)


@pytest_asyncio.fixture(loop_scope="session")
async def deployment(database_url: str) -> AsyncIterator[Deployment]:
    admin = await asyncpg.connect(database_url)
    installation = Installation(database_url, admin)
    await installation.happen(200)
    yield Deployment(installation)
    await admin.close()


async def test_both_are_kept_up_and_who_reads_the_old_one_meets_neither_an_error_nor_an_older_answer(
    deployment: Deployment,
) -> None:
    async with deployment.old() as old:
        await deployment.until([1], LIVE)
        async with beside(deployment.read()) as reading, beside(deployment.write()) as writing, deployment.new() as new:
            await deployment.until([1, 2], LIVE)
            deployment.enough.set()
            await writing
            await deployment.until_both_are_live()
            assert [await worker.checks["users"]() for worker in (old, new)] == [None, None]
            await deployment.admin.execute(STOPPED)
            assert [await worker.checks["users"]() for worker in (old, new)] == [None, "poison"]
            assert not reading.done()
    assert deployment.seen == sorted(deployment.seen)
    assert len(set(deployment.seen)) > 3
    fold = await deployment.installation.fold("users")
    assert await deployment.old_rows() == fold
    people = await deployment.admin.fetch("select user_id, name from read.users_v2")
    expected = {
        row["user_id"]: row["display_name"] for row in await deployment.admin.fetch("select * from read.users_v1")
    }
    assert {row["user_id"]: row["name"] for row in people} == expected
    assert len(people) == len(fold["person"])


async def test_who_is_erased_when_only_new_code_runs_is_in_no_old_generation_either(deployment: Deployment) -> None:
    async with deployment.old():
        await deployment.until([1], LIVE)
        await deployment.until(0, BEHIND, 1)
    await built(deployment.url, whole(deployment), "users", "scratch_old")
    scratch = "select display_name from scratch_old.users_v1 where user_id = $1"
    async with deployment.new():
        await deployment.until([1, 2], LIVE)
        gone = await deployment.erase()
        for question in (OLD_PERSON, NEW_PERSON, scratch):
            await deployment.until(None, question, gone)
    while_nobody_ran = await deployment.erase()
    assert await deployment.admin.fetchval(OLD_PERSON, while_nobody_ran) is not None
    async with deployment.new():
        for question in (OLD_PERSON, NEW_PERSON, scratch):
            await deployment.until(None, question, while_nobody_ran)


async def test_a_deployment_that_is_taken_back_finds_its_version_as_it_left_it(deployment: Deployment) -> None:
    async with deployment.old():
        await deployment.until([1], LIVE)
    async with deployment.new():
        await deployment.until([1, 2], LIVE)
        await deployment.until(False, FOLLOWED, 1)
        await deployment.installation.happen(50)
        gone = await deployment.erase()
    (told,) = [line for line in (await read_status(deployment.url)).lines if line.version == 1]
    assert told.unfollowed_since is not None
    async with deployment.old():
        await deployment.until(0, BEHIND, 1)
        await deployment.until(True, FOLLOWED, 1)
        await deployment.until(False, FOLLOWED, 2)
    assert await deployment.admin.fetchval(SCHEMAS) == ["users_v1_g1", "users_v2_g2"]
    assert await deployment.admin.fetchval(OLD_PERSON, gone) is None
    assert await deployment.old_rows() == await deployment.installation.fold("users")


async def test_what_nobody_has_followed_for_a_day_is_dropped_and_built_again_by_whoever_wants_it(
    deployment: Deployment,
) -> None:
    async with deployment.old():
        await deployment.until([1], LIVE)
        async with deployment.new():
            await deployment.until([1, 2], LIVE)
    async with deployment.new():
        await deployment.until(False, FOLLOWED, 1)
        await deployment.until(True, FOLLOWED, 2)
        await deployment.admin.execute(FOR_LONG)
        await deployment.until(["users_v2_g2"], SCHEMAS)
        assert await deployment.admin.fetchval(VIEWS) == ["users_v2"]
        async with deployment.old():
            await deployment.until_both_are_live()
    assert await deployment.old_rows(3) == await deployment.installation.fold("users")


def whole(deployment: Deployment) -> Part:
    return Part(len(deployment.installation.school.log.events))
