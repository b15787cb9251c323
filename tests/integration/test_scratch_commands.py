"""`mimo replay --into` and `mimo scratch` as somebody types them."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator

import asyncpg
import pytest
import pytest_asyncio

from tests.integration.test_audited_commands import written
from tests.integration.test_replay import Installation
from tests.integration.test_replay_commands import run, told
from tests.system import CHEAP, ROOT
from tests.until import until_answer

NAME = "scratch_before_bug"
SCHEMAS = """
    select coalesce(array_agg(nspname::text order by nspname), '{}') from pg_namespace
    where nspname ~ '^courses_v|^scratch_'"""
WAITS = "select count(*) from pg_locks where relation = 'projection.scratch'::regclass and not granted"


@pytest_asyncio.fixture(loop_scope="session")
async def installation(database_url: str) -> AsyncIterator[Installation]:
    admin = await asyncpg.connect(database_url)
    found = Installation(database_url, admin)
    await found.happen(200)
    yield found
    await admin.close()


async def test_the_past_is_looked_at_and_dropped(installation: Installation) -> None:
    url = installation.url
    replayed = run(url, "replay", "courses", "--into", NAME, "--until", "150", "--keep", "3")
    assert replayed.returncode == 0, replayed.stderr
    first, look, last = replayed.stdout.splitlines()
    assert first == "scratch_before_bug shows courses up to position 150:"
    assert "building scratch_before_bug: " in replayed.stderr
    events = [event for event in installation.school.log.events[:150] if event.type == "CourseCreated"]
    assert len(await installation.admin.fetch(look)) == len(events) > 0
    assert last.endswith("or by `mimo scratch drop scratch_before_bug`.")
    (found,) = json.loads(told(url, "scratch", "--json"))
    assert (found["name"], found["part"]) == (NAME, {"upto": 150, "stream": None, "key": None})
    assert "courses_v1" in told(url, "scratch")
    assert "scratch" in told(url, "generations", "courses")
    assert told(url, "scratch", "drop", NAME, "--yes") == "Dropped scratch_before_bug.\n"
    assert await installation.admin.fetchval(SCHEMAS) == []
    (_, asked, _, _), (_, ended, _, _), (_, dropped, _, _), _ = await written(url)
    assert (asked["action"], asked["target"]) == ("replay-scratch", "courses")
    assert asked["options"] == {"into": NAME, "until": "150", "keep": "3"}
    assert (ended["outcome"], ended["said"]) == ("done", "scratch_before_bug shows courses up to position 150.")
    assert (dropped["action"], dropped["target"]) == ("drop-scratch", NAME)


async def test_a_time_a_stream_or_a_key_says_what_part_it_is(installation: Installation) -> None:
    url, log = installation.url, installation.school.log
    created = next(event for event in log.events if event.type == "CourseCreated")
    parts = {"scratch_stream": ("--stream", created.stream), "scratch_key": ("--key", created.key)}
    for name, (option, value) in parts.items():
        told(url, "replay", "courses", "--into", name, option, value)
        rows = await installation.admin.fetch(f"select course_id::text from {name}.courses_v1")
        assert [row["course_id"] for row in rows] == [created.key]
    told(url, "replay", "courses", "--into", "scratch_then", "--until", log.events[99].at.isoformat())
    listed = json.loads(told(url, "scratch", "--json"))
    upto, asking = len(log.events), 2
    assert {one["name"]: one["part"]["upto"] for one in listed} == {
        "scratch_stream": upto, "scratch_key": upto + asking, "scratch_then": 99
    }  # fmt: skip


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--until", "5"), "say --into what schema"),
        (("--into", "public"), "'public' is no name for a scratch schema"),
        (("--into", NAME, "--jobs", "2"), "do not go with --into"),
        (("--into", NAME, "--until", "soon"), "'soon' is no time"),
        (("--into", NAME, "--until", "2020-01-01"), "There is no event up to then."),
        (("--into", NAME, "--stream", "lesson-1"), "'lesson-1' is no stream"),
        (("--into", NAME, "--key", "nobody"), "courses has nothing of that"),
    ],
)
async def test_what_cannot_be_is_said_in_a_sentence(
    installation: Installation, words: tuple[str, ...], sentence: str
) -> None:
    refused = run(installation.url, "replay", "courses", *words)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert sentence in refused.stderr
    assert await installation.admin.fetchval(SCHEMAS) == []


async def test_dropping_what_is_not_there_is_refused(database_url: str) -> None:
    refused = run(database_url, "scratch", "drop", NAME, "--yes")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert f"There is no scratch schema {NAME}" in refused.stderr


async def test_one_that_is_killed_at_the_end_is_not_taken_for_whole_and_can_be_begun_again(
    installation: Installation,
) -> None:
    words = ("replay", "courses", "--into", NAME)
    environment = {**os.environ, **CHEAP, "MIMO_DATABASE_URL": installation.url}
    other = await asyncpg.connect(installation.url)
    blocking = other.transaction()
    await blocking.start()
    await other.execute("lock table projection.scratch in access exclusive mode")
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "mimo", *words, cwd=ROOT, env=environment)
    await until_answer(installation.admin, WAITS, 1)
    process.kill()
    await process.wait()
    await blocking.rollback()
    await other.close()
    await until_answer(installation.admin, SCHEMAS, ["courses_v1_g1"])
    await asyncio.to_thread(told, installation.url, *words)
    assert await installation.admin.fetchval(SCHEMAS) == ["courses_v1_g2", NAME]
