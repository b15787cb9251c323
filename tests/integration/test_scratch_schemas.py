"""Looking into the past: a part of the log as a view would show it, in a schema that stays for some days."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from datetime import timedelta
from functools import partial
from typing import Any

import asyncpg
import pytest
import pytest_asyncio

from events.recorded import Recorded
from infra.postgres import Role, connect, pool
from mimo.replaying import run_drop, wanted
from projectors import kept
from projectors.generations import aside
from projectors.kept import NotKept, Part
from projectors.past import look_back
from projectors.scratch import Access, Tell
from projectors.session import Connect
from projectors.views import PROJECTIONS
from tests.integration.test_erasing_at_once import NOBODY, Views
from tests.integration.test_replay import STATUSES, Installation
from tests.property.test_projections import TABLES, model, rows, worded
from tests.until import until_answer

NAME = "scratch_before_bug"
WEEK = timedelta(days=7)
THEN = 350
SCHEMAS = """
    select coalesce(array_agg(nspname::text order by nspname), '{}') from pg_namespace
    where nspname ~ '^(messages|users)_v|^scratch_'"""
SHOWN = [
    "authored_v1", "channel_people_v1", "channels_v1", "mentions_v1", "message_changes_v1", "messages_v1",
    "reactions_v1",
]  # fmt: skip
TEXTS = "select count(text) from scratch_before_bug.messages_v1 where author_id = $1"
TABLE_TEXTS = "select count(text) from messages_v1_g2.message where author_id = $1"
PERSON = "select row(display_name, email)::text from scratch_before_bug.users_v1 where user_id = $1"
RELATIONS = """
    select count(*) from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname ~ '_v[0-9]+_g[0-9]+$' and c.relkind in ('r', 'v')"""
CLASHES = """
    select coalesce(array_agg(c.relname::text), '{}') from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname ~ '_v[0-9]+_g[0-9]+$' and c.relkind in ('r', 'v') and exists (
      select from pg_class r where r.relname = c.relname and r.relnamespace = 'read'::regnamespace)"""
VIEWS = """
    select array_agg(relname::text order by relname) from pg_class
    where relnamespace = 'scratch_before_bug'::regnamespace and relkind = 'v'"""


def nothing(_done: int, _total: int) -> None:
    """Whoever is not told how far it is."""


def connecting(url: str) -> Connect:
    return partial(connect, url, application="test-scratch", role=Role.PROJECTOR)


async def built(
    url: str, part: Part, projection: str = "messages", name: str = NAME, time: timedelta = WEEK, tell: Tell = nothing
) -> None:
    own = connecting(url)
    endless = partial(connect, url, application="test-scratch", role=Role.PROJECTOR, transaction_timeout_seconds=0)
    async with pool(url, application="test-scratch", role=Role.PROJECTOR) as opened:
        access = Access(own, endless, opened, tell)
        await look_back(wanted(projection), access, name, part, time)


async def kept_rows(installation: Installation, projection: str, generation: int) -> dict[str, Any]:
    await installation.admin.execute(f"set search_path = {projection}_v1_g{generation}")
    return {table: await rows(installation.admin, table) for table in TABLES[projection]}


async def fold(installation: Installation, projection: str, matches: Callable[[Recorded], bool]) -> dict[str, Any]:
    """The fold of some of the events."""
    log = installation.school.log
    everything, log.events = log.events, [event for event in log.events if matches(event)]
    try:
        return await worded(installation.admin, model(wanted(projection), log, log.ring))
    finally:
        log.events = everything


@pytest_asyncio.fixture(loop_scope="session")
async def installation(database_url: str) -> AsyncIterator[Installation]:
    admin = await asyncpg.connect(database_url)
    found = Installation(database_url, admin)
    await found.happen(500)
    yield found
    await admin.close()


@pytest_asyncio.fixture(loop_scope="session")
async def views(database_url: str) -> AsyncIterator[Views]:
    admin = await asyncpg.connect(database_url)
    found = Views(database_url, admin)
    await found.log.store(database_url)
    async with found.process(found.following()):
        await found.until_applied()
    yield found
    await admin.close()


@pytest.mark.parametrize("projection", [projection.name for projection in PROJECTIONS])
async def test_it_equals_the_fold_of_the_log_up_to_there(installation: Installation, projection: str) -> None:
    told: list[tuple[int, int]] = []
    await built(installation.url, Part(THEN), projection, tell=lambda *now: told.append(now))
    expected = await fold(installation, projection, lambda event: event.position <= THEN)
    assert await kept_rows(installation, projection, 1) == expected
    assert expected != await installation.fold(projection)
    of_it = [event for event in installation.school.log.events[:THEN] if event.topic in wanted(projection).topics]
    assert told[-1] == (len(of_it), len(of_it))


async def test_the_views_that_readers_know_are_in_the_schema_and_readers_see_nothing_of_it(
    installation: Installation,
) -> None:
    async with installation.working():
        await installation.until_shown("messages")
    now = "select count(*) from read.messages_v1"
    before = await installation.admin.fetchval(now)
    await built(installation.url, Part(THEN))
    assert await installation.admin.fetchval(VIEWS) == SHOWN
    then = await installation.admin.fetchval("select count(*) from scratch_before_bug.messages_v1")
    assert 0 < then < before == await installation.admin.fetchval(now)
    assert await installation.admin.fetchval(STATUSES, "messages") == ["live", "scratch"]


async def test_no_table_is_called_like_what_readers_see(installation: Installation) -> None:
    """Their views are made with `read` before the tables' schema on the search path."""
    async with installation.working():
        for projection in PROJECTIONS:
            await installation.until_shown(projection.name)
    assert await installation.admin.fetchval(RELATIONS) > len(PROJECTIONS)
    assert await installation.admin.fetchval(CLASHES) == []


async def test_of_one_stream_or_key_only_its_events_are_applied(installation: Installation) -> None:
    sent = next(event for event in installation.school.log.events if event.type == "MessageSent")
    parts = {
        1: (Part(400, stream=sent.stream), lambda event: event.stream == sent.stream and event.position <= 400),
        2: (Part(450, key=sent.key), lambda event: event.key == sent.key and event.position <= 450),
    }
    for number, (part, matches) in parts.items():
        await built(installation.url, part, name=f"scratch_{number}")
        expected = await fold(installation, "messages", matches)
        assert len(expected["channel"]) == 1
        assert await kept_rows(installation, "messages", number) == expected
    with pytest.raises(NotKept, match="messages has nothing of that"):
        await built(installation.url, Part(sent.position - 1, stream=f"course-{sent.key}"))
    assert await installation.admin.fetchval(STATUSES, "messages") == ["scratch", "scratch", "retired"]


@pytest.mark.parametrize("name", ["read", "scratch", "scratch_", "Scratch_a", "scratch_a b", "scratch_" + "x" * 56])
async def test_only_scratch_names_are_taken(database_url: str, name: str) -> None:
    with pytest.raises(NotKept, match="no name for a scratch schema"):
        await built(database_url, Part(1), name=name)


async def test_a_name_is_given_once(installation: Installation) -> None:
    await built(installation.url, Part(THEN))
    with pytest.raises(NotKept, match="There is a schema scratch_before_bug already"):
        await built(installation.url, Part(THEN))
    assert await installation.admin.fetchval(SCHEMAS) == ["messages_v1_g1", NAME]


async def test_two_do_not_build_the_same_at_once(installation: Installation) -> None:
    begun = asyncio.Event()
    async with installation.admin.transaction():
        await installation.admin.execute("lock table log.private")  # no text can be opened: the first one is not done
        first = asyncio.create_task(built(installation.url, Part(THEN), tell=lambda *_: begun.set()))
        await begun.wait()
        with pytest.raises(NotKept, match="is being built already"):
            await built(installation.url, Part(THEN))
    await first
    assert await installation.admin.fetchval(SCHEMAS) == ["messages_v1_g1", NAME]


async def test_one_that_was_stopped_leaves_nothing(installation: Installation) -> None:
    begun = asyncio.Event()
    first = asyncio.create_task(built(installation.url, Part(THEN), tell=lambda *_: begun.set()))
    await begun.wait()
    first.cancel()
    with suppress(asyncio.CancelledError):
        await first
    assert await installation.admin.fetchval(SCHEMAS) == []


async def test_who_is_erased_while_projectors_run_is_in_no_scratch_schema(views: Views) -> None:
    await built(views.url, Part(5))
    await built(views.url, Part(5), "users", "scratch_people")
    assert await views.admin.fetchval(TEXTS, views.ada) == 1
    async with views.process(views.following()):
        await views.erase(views.ada)
        await views.until(0, TEXTS, views.ada)
        await views.until(0, TABLE_TEXTS, views.ada)
        await views.until(NOBODY, PERSON.replace(NAME, "scratch_people"), views.ada)
    assert await views.admin.fetchval(TEXTS, views.charles) == 1
    assert await views.admin.fetchval(PERSON.replace(NAME, "scratch_people"), views.charles) != NOBODY


async def test_who_is_erased_while_no_projector_runs_is_gone_when_one_does(views: Views) -> None:
    await built(views.url, Part(5))
    await views.erase(views.ada)
    assert await views.admin.fetchval(TEXTS, views.ada) == 1
    async with views.process(views.following()):
        await views.until(0, TEXTS, views.ada)
        await views.until(0, TABLE_TEXTS, views.ada)
    assert await views.admin.fetchval(TEXTS, views.charles) == 1


async def test_who_was_erased_before_is_not_read_from_the_past(views: Views) -> None:
    await views.erase(views.ada)
    await built(views.url, Part(5))
    assert [await views.admin.fetchval(TEXTS, person) for person in (views.ada, views.charles)] == [0, 1]


async def test_it_is_dropped_by_name_or_as_a_generation(installation: Installation) -> None:
    own = await connecting(installation.url)()
    await built(installation.url, Part(THEN))
    (found,) = await kept.list_kept(own)
    assert (found.name, found.generation.schema, found.part) == (NAME, "messages_v1_g1", Part(THEN))
    assert found.views == tuple(f"scratch_before_bug.{view}" for view in SHOWN)
    assert found.keep_until - found.made_at >= WEEK
    await kept.drop(own, NAME)
    with pytest.raises(NotKept, match="There is no scratch schema"):
        await kept.drop(own, NAME)
    await built(installation.url, Part(THEN))
    await run_drop(installation.url, wanted("messages"), 2)
    assert await kept.list_kept(own) == []
    assert await installation.admin.fetchval(SCHEMAS) == []
    await own.close()


async def test_one_that_somebody_reads_is_dropped_entirely_or_not_at_all(installation: Installation) -> None:
    own = await connecting(installation.url)()
    await built(installation.url, Part(THEN))
    async with installation.admin.transaction():
        await installation.admin.fetch("select from scratch_before_bug.messages_v1")
        with pytest.raises(asyncpg.LockNotAvailableError):
            await kept.drop(own, NAME)
    assert len(await kept.list_kept(own)) == 1
    await own.close()


async def test_what_a_killed_one_leaves_is_cleared_away_by_projectors(installation: Installation) -> None:
    own = await connecting(installation.url)()
    left = await aside(own, wanted("messages"))
    async with installation.working():
        await until_answer(installation.admin, SCHEMAS, [left.schema, "messages_v1_g2", "users_v1_g1"])
        own.terminate()  # as with whoever is killed
        await until_answer(installation.admin, SCHEMAS, ["messages_v1_g2", "users_v1_g1"])


async def test_projectors_drop_it_when_its_time_is_over_or_the_history_is_another(installation: Installation) -> None:
    await built(installation.url, Part(THEN), time=timedelta(0))
    async with installation.working():
        await until_answer(installation.admin, SCHEMAS, ["messages_v1_g2", "users_v1_g1"])
        await built(installation.url, Part(THEN))
        await installation.admin.execute("update log.installation set log_id = gen_random_uuid()")
        await until_answer(installation.admin, SCHEMAS, ["messages_v1_g4", "users_v1_g2"])
    assert await installation.admin.fetchval("select count(*) from projection.scratch") == 0
