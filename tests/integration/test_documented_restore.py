"""The backup and the restore in docs/operations.md, run word by word."""

from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID

import asyncpg
import pytest

from command_api import erasing
from command_api.write import Intent, WritePath
from events.catalog import decode
from events.messages import MessageSent
from infra.embedded_postgres import EmbeddedPostgres
from infra.event_store import PostgresEventStore, open_event_store
from infra.postgres import Role, connect
from projectors.generations import followed
from projectors.kept import Part
from projectors.views import PROJECTIONS
from tests.backups import empty_database, restore, run, save_log, save_private
from tests.integration.log_commands import META, message, open_channel, register
from tests.integration.test_audited_commands import written
from tests.integration.test_scratch_schemas import built
from tests.system import run_mimo


@pytest.fixture
async def empty_database_url(postgres_server: EmbeddedPostgres) -> AsyncIterator[str]:
    """A database without anything in it."""
    async with empty_database(postgres_server) as url:
        yield url


async def views_of(url: str) -> list[str]:
    """Makes sure that every projection has a generation, as the projector does at its start; their schemas."""
    connection = await connect(url, application="test", role=Role.PROJECTOR)
    try:
        return [generation.schema for p in PROJECTIONS for generation in await followed(connection, p)]
    finally:
        await connection.close()


async def scratch_schemas(url: str) -> int:
    connection = await asyncpg.connect(url)
    try:
        number: int = await connection.fetchval("select count(*) from pg_namespace where nspname like 'scratch%'")
        return number
    finally:
        await connection.close()


async def text_of(store: PostgresEventStore, event_id: UUID) -> str | None:
    """What somebody said, as far as it can still be read."""
    kept = await store.find(event_id)
    assert kept is not None
    event = decode(kept.type, kept.schema, kept.data, kept.id, store.ring)
    assert isinstance(event, MessageSent)
    return event.text


async def private_names(url: str) -> set[str]:
    connection = await asyncpg.connect(url)
    try:
        return {row["name"] for row in await connection.fetch("select name from log.private")}
    finally:
        await connection.close()


def private_of(person: UUID) -> set[str]:
    return {f"{kind}/{person}" for kind in ("data_key", "password")}


async def test_the_documented_backup_restores_everything_as_another_history(
    database_url: str, empty_database_url: str, tmp_path: Path
) -> None:
    async with open_event_store(database_url) as store:
        author = await register(store)
        channel = await open_channel(store, author)
        said = await store.append(message(channel, author, "kept", key="once"))
        first_history = store.log_id
    first_views = await views_of(database_url)
    await built(database_url, Part(said.events[0].position), name="scratch_kept")

    save_log(database_url, tmp_path)
    save_private(database_url, tmp_path)
    restore(empty_database_url, tmp_path)

    async with open_event_store(empty_database_url) as store:
        assert store.log_id != first_history
        await store.ring.load([author])
        assert await text_of(store, said.events[0].id) == "kept"
        later = await store.append(message(channel, author, "later"))
        assert later.events[0].version == said.events[0].version + 1
    assert await views_of(empty_database_url) == first_views, "built anew: the first of this history"
    assert [await scratch_schemas(url) for url in (database_url, empty_database_url)] == [1, 0]


async def test_who_was_erased_after_the_backup_of_the_log_stays_erased(
    database_url: str, empty_database_url: str, tmp_path: Path
) -> None:
    async with open_event_store(database_url) as store:
        gone, stays = await register(store), await register(store)
        channel = await open_channel(store, gone)
        said = await store.append(message(channel, gone, "forget me"))
        save_log(database_url, tmp_path)
        save_private(database_url, tmp_path)
        assert private_of(gone) <= await private_names(database_url)
        await erasing.erase(store, WritePath(store), Intent(META), gone)
        stranger = await register(store)  # of whom the older log does not know
        save_private(database_url, tmp_path)
    assert run("ls", database_url, tmp_path).split() == ["log.dump", "private.dump"], "only the newest is kept"

    told = restore(empty_database_url, tmp_path)
    assert "People erased again: 1. People whom it does not know, forgotten: 1." in told
    (_, asked, _, _), (_, ended, _, _) = await written(empty_database_url)
    assert (asked["action"], list(asked["options"])) == ("renew-log", ["former"])
    assert ended["said"] == "People erased again: 1; forgotten: 1."
    assert await private_names(empty_database_url) == private_of(stays)
    async with open_event_store(empty_database_url) as store:
        await store.ring.load([gone, stays])
        assert await text_of(store, said.events[0].id) is None
        stream = await store.read_stream(f"user-{gone}")
        assert [event.type for event in stream] == ["UserRegistered", "UserErased"]
        assert await store.read_stream(f"user-{stranger}") == []
        await register(store)
    again = run_mimo("log", "renew", "--yes", MIMO_DATABASE_URL=empty_database_url)
    assert "People erased again: 0. People whom it does not know, forgotten: 0." in again.stdout


async def test_a_log_is_not_renewed_while_anything_is_at_work_on_it(database_url: str) -> None:
    async with open_event_store(database_url) as store:
        before = store.log_id
        refused = run_mimo("log", "renew", "--yes", MIMO_DATABASE_URL=database_url)
    assert refused.returncode == 1
    assert refused.stderr.startswith("mimo: Stop everything first: mimo-command at work on this database.")
    async with open_event_store(database_url) as store:
        assert store.log_id == before
    connection = await asyncpg.connect(database_url)
    try:
        async with connection.transaction():
            await connection.fetch("select * from log.installation for update")
            busy = run_mimo("log", "renew", "--yes", MIMO_DATABASE_URL=database_url)
        assert (busy.returncode, busy.stderr) == (1, "mimo: Something is at work on this database: stop it first.\n")
    finally:
        await connection.close()


async def test_a_log_whose_keys_are_missing_is_not_renewed_by_mistake(database_url: str) -> None:
    async with open_event_store(database_url) as store:
        people = [await register(store) for _ in range(3)]
    connection = await asyncpg.connect(database_url)
    await connection.execute("delete from log.private")
    await connection.close()
    refused = run_mimo("log", "renew", "--yes", MIMO_DATABASE_URL=database_url)
    assert refused.returncode == 1
    assert refused.stderr.startswith("mimo: Nobody in this log has a key: restore the private values first.")
    done = run_mimo("log", "renew", "--yes", "--without-keys", MIMO_DATABASE_URL=database_url)
    assert done.returncode == 0, done.stderr
    async with open_event_store(database_url) as store:
        for person in people:
            assert (await store.read_stream(f"user-{person}"))[-1].type == "UserErased"


async def test_renewing_asks_first_and_says_what_it_will_do(database_url: str) -> None:
    async with open_event_store(database_url) as store:
        await register(store)
        before = store.log_id
    asked = run_mimo("log", "renew", MIMO_DATABASE_URL=database_url)
    assert asked.returncode == 1
    assert "Of 1 people in this log 0 have no key and are erased again." in asked.stdout
    async with open_event_store(database_url) as store:
        assert store.log_id == before
