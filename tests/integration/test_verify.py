"""Verifying: a live view is compared with the fold of the log, and every kind of drift is found."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from functools import partial

import asyncpg
import pytest
import pytest_asyncio

from infra.postgres import Role, connect, pool
from mimo.replaying import wanted
from projectors.generations import aside, retire_aside
from projectors.scratch import Access
from projectors.verify import CannotVerify, Verdict, verify
from projectors.views import PROJECTIONS
from tests.integration.test_replay import SCHEMAS, STATUSES, Installation
from tests.until import until_answer

FIRST = "ctid = (select min(ctid) from {table})"
DRIFTS = {
    "a row changed": (
        "messages",
        "message",
        """update message set text = 'forged' where ctid = (
            select min(ctid) from message where author_id not in (select author_id from erased_author))""",
    ),
    "one column of one row": ("users", "person", "update person set version = version + 1 where {first}"),
    "a row missing": ("messages", "message", "delete from message where {first}"),
    "a row too many": (
        "users",
        "person",
        """insert into person (user_id, display_name, email, roles, joined_at, version)
        select gen_random_uuid(), 'Eve', 'e@x.org', roles, joined_at, 1 from person where {first}""",
    ),
    "a row under another key": (
        "enrollments",
        "enrollment",
        "update enrollment set user_id = gen_random_uuid() where {first}",
    ),
    "a counter off by one": (
        "enrollments",
        "enrollment_count",
        "update enrollment_count set enrolled_count = enrolled_count + 1 where {first}",
    ),
    "a number of messages off by one": (
        "messages",
        "channel",
        "update channel set message_count = message_count - 1 where {first}",
    ),
    "a time off by a microsecond": (
        "messages",
        "message",
        "update message set sent_at = sent_at + interval '1 microsecond' where {first}",
    ),
    "a blank more": ("courses", "course", "update course set description = description || ' ' where {first}"),
    "an array with one more": ("users", "person", "update person set roles = roles || array['admin'] where {first}"),
}
SKIPPED = """
    update projection.checkpoint c set "offset" = "offset" + 1 where (projection, topic, partition) = (
        select c.projection, c.topic, c.partition from projection.checkpoint c
        where c.projection = 'messages' and c.topic = 'mimo.messages' and exists (
            select from log.tail e where e.topic = c.topic and e.partition = c.partition
              and e."offset" = c."offset" + 1 and e.type = 'MessageSent') limit 1)"""


WAITING = """
    select max(xact_start) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"""


@pytest_asyncio.fixture(loop_scope="session")
async def installation(database_url: str) -> AsyncIterator[Installation]:
    admin = await asyncpg.connect(database_url)
    found = Installation(database_url, admin)
    await found.happen(500)
    async with found.working():
        for projection in PROJECTIONS:
            await found.until_shown(projection.name)
    yield found
    await admin.close()


async def verified(installation: Installation, projection: str) -> Verdict:
    endless = partial(installation.own, transaction_timeout_seconds=0)
    async with pool(installation.url, application="test-verify", role=Role.PROJECTOR) as opened:
        return await verify(wanted(projection), Access(installation.own, endless, opened, lambda *_: None))


@pytest.mark.parametrize("projection", [projection.name for projection in PROJECTIONS])
async def test_a_view_that_equals_the_fold_is_said_to(installation: Installation, projection: str) -> None:
    verdict = await verified(installation, projection)
    assert verdict.comparison.equal
    fold = await installation.fold(projection)
    assert verdict.comparison.rows == sum(len(rows) for rows in fold.values())
    assert sum(verdict.checkpoint.values()) == installation.events_of(projection)
    assert (await verified(installation, projection)).comparison.digest == verdict.comparison.digest
    assert await installation.admin.fetchval(STATUSES, projection) == ["live", "retired", "retired"]
    assert await installation.admin.fetchval(SCHEMAS, f"{projection}_v1_g2") == 0


async def test_who_is_in_the_way_of_clearing_away_spoils_no_verdict(installation: Installation) -> None:
    own = await installation.own()
    left = await aside(own, wanted("users"))
    await retire_aside(own, left)
    own.terminate()
    onlooker = await asyncpg.connect(installation.url)
    async with installation.admin.transaction():
        await installation.admin.execute(f"lock table {left.schema}.person in access share mode")
        verifying = asyncio.create_task(verified(installation, "users"))
        await until_answer(onlooker, f"select ({WAITING}) is not null", True)
        first = await onlooker.fetchval(WAITING)
        await until_answer(onlooker, f"select ({WAITING}) > $1", True, first)  # it gave up, and tries again
    assert (await verifying).comparison.equal
    assert await onlooker.fetchval(SCHEMAS, left.schema) == 0
    await onlooker.close()


@pytest.mark.parametrize("drift", DRIFTS)
async def test_drift_is_found_and_shown(installation: Installation, drift: str) -> None:
    projection, table, statement = DRIFTS[drift]
    await installation.admin.execute(f"set search_path = {projection}_v1_g1")
    changed = await installation.admin.execute(statement.format(first=FIRST.format(table=table)))
    assert changed.endswith(" 1")
    comparison = (await verified(installation, projection)).comparison
    assert comparison.different == len(comparison.differences) == (2 if "key" in drift else 1)
    assert {difference.table for difference in comparison.differences} == {table}


async def test_an_event_that_was_skipped_is_found(installation: Installation) -> None:
    await installation.happen(50)
    assert await installation.admin.execute(SKIPPED) == "UPDATE 1"
    (difference, *_) = [
        one for one in (await verified(installation, "messages")).comparison.differences if one.table == "message"
    ]
    assert difference.found is None
    assert difference.expected is not None


async def test_a_view_is_verified_while_others_write(installation: Installation) -> None:
    async def write() -> None:
        while True:
            await installation.happen(5)

    async with installation.working():
        writing = asyncio.create_task(write())
        verdict = await verified(installation, "messages")
        writing.cancel()
        with suppress(asyncio.CancelledError):
            await writing
    assert verdict.comparison.differences == []
    assert sum(verdict.checkpoint.values()) > 0


async def test_what_nobody_sees_cannot_be_verified(database_url: str) -> None:
    own = partial(connect, database_url, application="test", role=Role.PROJECTOR)
    async with pool(database_url, application="test-verify", role=Role.PROJECTOR) as opened:
        with pytest.raises(CannotVerify, match="Readers see no generation"):
            await verify(wanted("users"), Access(own, own, opened, lambda *_: None))
