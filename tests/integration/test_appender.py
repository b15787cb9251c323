"""The appender against a real PostgreSQL: batches, lost answers, poison, a full queue, a frozen holder of the lock."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from events.errors import InvalidRequest, Overloaded, Refused
from events.messages import MessageSent
from events.ports import Append, Idempotency, NewEvent, PrivateWrite
from events.users import SessionEnded, SessionStarted
from infra.append_batch import Prepared
from infra.appender import Appender
from infra.event_store import PostgresEventStore, open_event_store
from infra.ids import new_id
from infra.postgres import Role, connect
from tests.integration.log_commands import META, member_message, message, open_channel, register


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[PostgresEventStore]:
    async with open_event_store(database_url) as opened:
        yield opened


class Flaky:
    """A connection that loses the answers of the calls numbered in `lost`, after PostgreSQL has carried them out."""

    def __init__(self, connection: asyncpg.Connection, calls: list[int], lost: set[int]) -> None:
        self._connection = connection
        self._calls = calls
        self._lost = lost

    async def fetchrow(self, statement: str, *values: Any) -> Any:
        answer = await self._connection.fetchrow(statement, *values)
        self._calls.append(values[0])
        if len(self._calls) in self._lost:
            raise ConnectionResetError("the answer was lost")
        return answer

    def is_closed(self) -> bool:
        return bool(self._connection.is_closed())

    def terminate(self) -> None:
        self._connection.terminate()


@asynccontextmanager
async def appender(
    url: str, lost: set[int] | None = None, **options: Any
) -> AsyncIterator[tuple[PostgresEventStore, list[int]]]:
    """A store whose appender loses answers; also the batch sizes that were sent."""
    calls: list[int] = []

    async def flaky() -> Any:
        return Flaky(await connect(url, application="test", role=Role.COMMAND), calls, lost or set())

    async with open_event_store(url) as store:
        appending = Appender(flaky, store.partitions, **options)
        async with appending.running():
            store.appender = appending
            yield store, calls


async def texts(url: str, query: str) -> list[Any]:
    connection = await asyncpg.connect(url)
    try:
        return [row[0] for row in await connection.fetch(query)]
    finally:
        await connection.close()


async def test_commands_that_arrive_together_share_a_batch(database_url: str) -> None:
    async with appender(database_url) as (store, calls):
        author = await register(store)
        channel = await open_channel(store, author)
        calls.clear()
        answers = await asyncio.gather(*(store.append(message(channel, author, str(n))) for n in range(100)))
    assert sum(calls) == 100
    assert len(calls) <= 2
    assert [answer.events[0].version for answer in answers] == list(range(2, 102))


async def test_a_lost_answer_is_asked_for_again_and_nothing_is_stored_twice(database_url: str) -> None:
    async with appender(database_url, lost={3, 5}) as (store, _):
        author = await register(store)
        channel = await open_channel(store, author)
        first = await asyncio.gather(*(store.append(message(channel, author, str(n))) for n in range(20)))
        second = await store.append(message(channel, author, "last"))
    assert [answer.events[0].version for answer in (*first, second)] == list(range(2, 23))
    assert not any(answer.replayed for answer in (*first, second)), "nobody asked twice"
    assert await texts(database_url, "select count(*) from log.event where type = 'MessageSent'") == [21]


async def test_a_private_change_whose_answer_was_lost_is_not_stale(database_url: str) -> None:
    async with appender(database_url, lost={1}) as (store, _):
        await store.append(Append((), META, private=(PrivateWrite("set", "refresh/1", b"state", 0),)))
        with pytest.raises(Refused, match="stale"):
            await store.append(Append((), META, private=(PrivateWrite("set", "refresh/1", b"other", 0),)))


@pytest.mark.parametrize(
    "poison", ["nul \x00", "x" * 201, "é" * 101, "lone \ud800"], ids=["nul", "long", "long in bytes", "surrogate"]
)
async def test_poison_harms_only_itself(store: PostgresEventStore, poison: str) -> None:
    author = await register(store)
    channel = await open_channel(store, author)
    good = [message(channel, author, str(n), client_message_id=str(n)) for n in range(9)]
    bad = message(channel, author, "poisoned", client_message_id=poison)
    answers = await asyncio.gather(*map(store.append, (*good[:5], bad, *good[5:])), return_exceptions=True)
    assert isinstance(answers.pop(5), InvalidRequest)
    assert [answer.events[0].version for answer in answers if not isinstance(answer, BaseException)] == list(
        range(2, 11)
    )


async def test_poisoned_text_never_reaches_the_log(store: PostgresEventStore) -> None:
    author = await register(store)
    channel = await open_channel(store, author)
    with pytest.raises(InvalidRequest):
        await store.append(message(channel, author, "lone \ud800"))


async def test_a_full_queue_refuses_at_once(database_url: str) -> None:
    never = asyncio.Event()

    async def stuck() -> asyncpg.Connection:
        await never.wait()
        raise AssertionError

    event = MessageSent(channel_id=new_id(), author_id=new_id(), text=None)
    prepared = Prepared(Append((NewEvent(new_id(), event),), META), ("{}",))
    waiting = Appender(stuck, 12, max_queue=3)
    tasks = [asyncio.create_task(waiting.submit(prepared)) for _ in range(3)]
    await asyncio.sleep(0)  # each of them runs up to its wait
    assert waiting.queued == 3
    with pytest.raises(Overloaded):
        await waiting.submit(prepared)
    for task in tasks:
        task.cancel()


async def test_what_is_on_its_way_when_the_process_stops_gets_its_outcome(database_url: str) -> None:
    sent = asyncio.Event()

    class Slow(Flaky):
        async def fetchrow(self, statement: str, *values: Any) -> Any:
            sent.set()
            await asyncio.sleep(0.1)  # the network's share
            return await super().fetchrow(statement, *values)

    async def slow() -> Any:
        return Slow(await connect(database_url, application="test", role=Role.COMMAND), [], set())

    appending = Appender(slow, 12)
    command = Append((), META, private=(PrivateWrite("set", "refresh/1", b"state", 0),))
    async with appending.running():
        waiting = asyncio.create_task(appending.submit(Prepared(command, ())))
        await sent.wait()
    assert await asyncio.wait_for(waiting, 1) == ()
    with pytest.raises(Overloaded, match="stopping"):
        await appending.submit(Prepared(command, ()))


async def test_while_the_database_is_away_commands_fail_at_their_deadline(database_url: str) -> None:
    async def away() -> asyncpg.Connection:
        raise ConnectionRefusedError

    event = MessageSent(channel_id=new_id(), author_id=new_id(), text=None)
    prepared = Prepared(Append((NewEvent(new_id(), event),), META), ("{}",))
    async with Appender(away, 12, deadline_seconds=0.2).running() as waiting:
        with pytest.raises(Overloaded):
            await asyncio.wait_for(waiting.submit(prepared), 5)


async def test_a_frozen_client_that_holds_the_lock_is_ended_and_the_others_go_on(
    database_url: str, store: PostgresEventStore
) -> None:
    author = await register(store)
    channel = await open_channel(store, author)
    frozen = await connect(database_url, application="frozen", role=Role.COMMAND, transaction_timeout_seconds=2)
    await frozen.execute("begin")
    await frozen.execute("select pg_advisory_xact_lock(x'6d696d6f'::int)")
    answer = await store.append(message(channel, author, "goes through in the end"))
    assert answer.events[0].version == 2
    frozen.terminate()


async def test_an_old_snapshot_and_an_unrelated_transaction_hide_nothing(
    database_url: str, store: PostgresEventStore
) -> None:
    author = await register(store)
    channel = await open_channel(store, author)
    old, unrelated, reader = [await asyncpg.connect(database_url) for _ in range(3)]
    await old.execute("begin isolation level repeatable read; select count(*) from log.event")
    await unrelated.execute("create table unrelated (x int); begin; insert into unrelated values (1)")
    for n in range(50):
        answer = await store.append(message(channel, author, str(n)))
        assert await reader.fetchval("select max(position) from log.event") == answer.position
    assert await old.fetchval("select count(*) from log.event") == 2
    for connection in (old, unrelated, reader):
        await connection.close()


async def test_need_is_checked_and_named(store: PostgresEventStore) -> None:
    author = await register(store)
    course: UUID = new_id()
    with pytest.raises(Refused) as refused:
        await store.append(member_message(course, await open_channel(store, author), author, "let me in"))
    assert (refused.value.reason, refused.value.scope) == ("missing", f"course/{course}/voices")


async def test_the_same_key_answers_the_first_outcome_and_another_request_is_refused(store: PostgresEventStore) -> None:
    author = await register(store)
    channel = await open_channel(store, author)
    first = await store.append(message(channel, author, "once", key="k"))
    again = await store.append(message(channel, author, "once", key="k"))
    assert again.replayed
    assert again.events == first.events
    other = message(channel, author, "another", key="k")
    assert other.idempotency is not None
    object.__setattr__(other.idempotency, "fingerprint", b"another")
    with pytest.raises(Refused, match="reused_key"):
        await store.append(other)


async def test_housekeeping_forgets_ended_sessions_and_keys_of_nine_days_ago_and_nothing_else(
    database_url: str, store: PostgresEventStore
) -> None:
    user, going_on, ended = new_id(), new_id(), new_id()
    for session in (going_on, ended):
        family = PrivateWrite("set", f"refresh/{session}", b'{"user_id": "%s"}' % str(user).encode(), 0)
        started = NewEvent(new_id(), SessionStarted(user_id=user, session_id=session))
        await store.append(Append((started,), META, private=(family,)))
    over = SessionEnded(user_id=user, session_id=ended, reason="logout")
    await store.append(Append((NewEvent(new_id(), over),), META, idempotency=Idempotency("a", "today", b"f")))
    connection = await asyncpg.connect(database_url)
    await connection.execute(LONG_AGO)
    await store.keep_house()
    assert await connection.fetch("select name from log.private") == [(f"refresh/{going_on}",)]
    assert await connection.fetch("select key from log.idempotency") == [("today",)]
    await connection.close()


LONG_AGO = """
    insert into log.idempotency
    select 'a', 'long ago', log.idempotency_slot(t), 'f', '{}', t from (select now() - interval '8 days') x (t)"""


async def test_who_sends_one_client_message_twice_is_told_of_the_first(store: PostgresEventStore) -> None:
    author = await register(store)
    channel = await open_channel(store, author)
    first = await store.append(message(channel, author, "once", client_message_id="m1"))
    with pytest.raises(Refused) as refused:
        await store.append(message(channel, author, "once", client_message_id="m1"))
    assert (refused.value.reason, refused.value.event_id) == ("taken", first.events[0].id)


async def test_appends_probe_indexes_even_when_their_plan_was_made_on_an_empty_log(database_url: str) -> None:
    connection = await asyncpg.connect(database_url)
    async with open_event_store(database_url) as store:
        author = await register(store)
        channel = await open_channel(store, author)
        await store.append(message(channel, author, "the plan is cached now", client_message_id="0"))
        await connection.execute(FILL)
        for n in range(20):
            await store.append(message(channel, author, "among many", client_message_id=f"m{n}"))
    stored = 3 + 20_000 + 20
    while (counted := await connection.fetchrow(COUNTED))["inserted"] < stored:  # sessions tell when they end
        await connection.execute("select pg_stat_force_next_flush(), pg_sleep(0.01)")
    # a look-up reads a handful of entries; a single scan would read twenty thousand
    assert 20 < counted["read"] < 20 * 100
    await connection.close()


FILL = """
    insert into log.event
    select p + 3, 1, p, now(), 0, 1, gen_random_uuid(), 's-' || p, 't', 'k', 'T', '{}', '{}'
    from generate_series(1, 20000) p;
    insert into log.claim select 'scope', 'key ' || n, gen_random_uuid() from generate_series(1, 20000) n;
"""
COUNTED = """
    select pg_stat_get_tuples_inserted('log.event'::regclass) as inserted,
        pg_stat_get_tuples_returned('log.event'::regclass) + pg_stat_get_tuples_returned('log.claim'::regclass)
            + sum(pg_stat_get_tuples_returned(indexrelid)) as read
    from pg_index where indrelid in ('log.event'::regclass, 'log.claim'::regclass)
"""
