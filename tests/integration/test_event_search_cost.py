"""What looking for events costs: rows that are looked at, and memory, on a log of 20,000 events without statistics.

Counted by PostgreSQL and Python themselves; time is nobody's business here.
"""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import AsyncIterator

import asyncpg
import pytest
import pytest_asyncio

from events.operations import TOPIC
from events.partition import DEFAULT_PARTITIONS
from infra.embedded_postgres import EmbeddedPostgres
from infra.event_log.json_lines import json_line
from infra.event_log.search import Search, searching
from infra.event_log.wanted import Wanted, read_wanted
from query_api.routes.operations import LAST_POSITION, OPERATIONS
from tests.postgres import cloned_database

EVENTS = 20_000
PROBES = 2 * 16
"""Of finding one lane's beginning and end by halving."""
DATA_CHARACTERS = 2_000
FILL = """
insert into log.event (position, version, "offset", at, partition, schema, id, stream, topic, key, type, data, meta)
select n, case when rare then n / 500 else row_number() over (partition by rare, n % 10 order by n) end,
       case when rare then n / 500 else row_number() over (partition by rare, n % 10 order by n) end,
       timestamptz '2026-09-01 00:00Z' + n * interval '1 second', case when rare then 7 else n % 10 end, 1,
       gen_random_uuid(), case when rare then 'user-a' else 'channel-' || n % 10 end,
       case when rare then 'mimo.users' else 'mimo.messages' end, case when rare then 'a' else (n % 10)::text end,
       case when rare then 'SessionStarted' else 'MessageSent' end,
       json_build_object('number', n, 'filling', repeat('x', $2)), '{"actor":"anonymous"}'
from (select n, n % 500 = 0 as rare from generate_series(1, $1) n) e
"""
ASK = f"""
insert into log.event (position, version, "offset", at, partition, schema, id, stream, topic, key, type, data, meta)
select last + n, 1, last + n, timestamptz '2026-10-01 00:00Z', n % 12, 1, gen_random_uuid(), 'operation-' || id,
       '{TOPIC}', id, 'OperationRequested', '{{}}', '{{"actor":"operator:root"}}'
from (select gen_random_uuid() as id, n from generate_series(1, $1) n) e, (select max(position) as last from log.event)
"""
LOOKED_AT = (
    "select seq_tup_read + idx_tup_fetch from pg_stat_user_tables where schemaname = 'log' and relname = 'event'"
)


@pytest_asyncio.fixture(scope="module", loop_scope="session", params=["no statistics", "statistics"])
async def search(
    request: pytest.FixtureRequest, postgres_server: EmbeddedPostgres, template_database: str
) -> AsyncIterator[Search]:
    async with cloned_database(postgres_server, template_database) as url:
        owner = await asyncpg.connect(url)
        await owner.execute("alter table log.event set (autovacuum_enabled = false)")
        await owner.execute(FILL.replace("$1", str(EVENTS)).replace("$2", str(DATA_CHARACTERS)))
        if request.param == "statistics":
            await owner.execute("analyze log.event")
        await owner.close()
        async with searching(url) as search:
            yield search


async def looked_at(search: Search) -> int:
    await search.connection.execute("select pg_stat_force_next_flush()")
    rows: int = await search.connection.fetchval(LOOKED_AT)
    return rows


@pytest.mark.parametrize(
    ("wanted", "matching", "rows"),
    [
        (read_wanted(stream="user-a"), 40, 40 + PROBES),
        (read_wanted(key="a"), 40, 40 + 4 * PROBES),
        (read_wanted(types=["SessionStarted"]), 40, 40 + DEFAULT_PARTITIONS * PROBES),
        (read_wanted(types=["SessionEnded"]), 0, 40 + DEFAULT_PARTITIONS * PROBES),
        (read_wanted(since="2026-09-01T05:00", until="2026-09-01T05:01:40"), 100, 100 + 2 * PROBES),
        (read_wanted(stream="channel-1", since="2026-09-01T05:00", until="2026-09-01T05:01:40"), 10, 10 + 3 * PROBES),
        (read_wanted(first=5_001, last=5_100), 100, 100 + PROBES),
    ],
    ids=["stream", "key", "type", "type that never was", "time", "stream and time", "position"],
)  # fmt: skip
async def test_where_the_log_has_an_index_hardly_more_is_looked_at_than_is_found(
    search: Search, wanted: Wanted, matching: int, rows: int
) -> None:
    before = await looked_at(search)
    bounds = await search.bounds(wanted)
    assert len([event async for event in search.events(wanted, bounds)]) == matching
    between = await looked_at(search)
    assert len(await search.last(wanted, bounds, 5)) == min(matching, 5)
    after_last = await looked_at(search)
    assert (await search.counts(wanted, bounds, None)).total() == matching
    assert (between - before, after_last - between, await looked_at(search) - after_last) <= (rows, rows, rows)


async def test_the_last_events_are_found_from_the_end(search: Search) -> None:
    before = await looked_at(search)
    bounds = await search.bounds(Wanted())
    assert len(await search.last(Wanted(), bounds, 20)) == 20
    assert len(await search.last(read_wanted(topic="messages"), bounds, 20)) == 20
    assert await looked_at(search) - before <= 200 + 2 * DEFAULT_PARTITIONS * PROBES


async def test_all_events_are_looked_at_about_once(search: Search) -> None:
    before = await looked_at(search)
    bounds = await search.bounds(Wanted())
    assert len([event async for event in search.events(Wanted(), bounds)]) == EVENTS
    assert await looked_at(search) - before <= 1.2 * EVENTS


async def test_exporting_everything_takes_a_pages_memory(search: Search) -> None:
    tracemalloc.start()
    try:
        written = number = 0
        async for event in search.events(Wanted(), await search.bounds(Wanted())):
            number += 1
            line = json_line(event)
            written += len(line)
            assert json.loads(line)["data"]["number"] == number
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert number == EVENTS
    assert written > DATA_CHARACTERS * EVENTS
    assert peak < written / 8, f"{peak:,} bytes at once for {written:,}"


async def test_operations_are_found_among_all_events_without_looking_at_others(search: Search) -> None:
    rows, operations = {}, 0
    for more in (3, 57):
        operations += more
        await search.connection.execute("set role none")
        await search.connection.execute(ASK.replace("$1", str(more)))
        await search.connection.execute("set role mimo_query")
        before = await looked_at(search)
        found = await search.connection.fetch(OPERATIONS, TOPIC, LAST_POSITION, 51)
        rows[operations] = await looked_at(search) - before
        assert len(found) == min(operations, 51)
    assert rows[3] <= 2 * 3
    assert rows[60] <= 60 + 60
