"""What is done on the command line stands in the log: who, what, how, and what came of it."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

import asyncpg
import msgspec
import pytest

from events.errors import CannotStart
from mimo.operations import MOST_CHARACTERS, Done, Operation, audited, shortened
from mimo.options import operator
from mimo.telling import Tell
from tests.until import until_answer

_EVENTS = "select * from log.event where topic = 'mimo.operations' order by position"
REPLAY = Operation("replay", "courses", {"jobs": "2"})


async def written(url: str) -> list[tuple[str, dict[str, Any], dict[str, Any], asyncpg.Record]]:
    """The type, data and meta of each event about operations, in order."""
    connection = await asyncpg.connect(url)
    try:
        return [
            (row["type"], msgspec.json.decode(row["data"]), msgspec.json.decode(row["meta"]), row)
            for row in await connection.fetch(_EVENTS)
        ]
    finally:
        await connection.close()


async def test_what_is_asked_for_is_written_before_and_what_came_of_it_after(database_url: str) -> None:
    before = []

    async def work(_: Tell) -> Done[int]:
        before.extend(await written(database_url))
        return Done(7, "Readers see courses_v1_g2 now.")

    assert await audited(database_url, REPLAY, work) == 7
    (asked, data, meta, request), (ended, end, caused, row) = await written(database_url)
    assert [one[0] for one in before] == [asked] == ["OperationRequested"]
    assert (data["action"], data["target"], data["options"], data["via"]) == (
        "replay", "courses", {"jobs": "2"}, "command_line"
    )  # fmt: skip
    assert meta["actor"] == caused["actor"] == f"operator:{operator()}"
    assert (ended, end["outcome"], end["said"]) == ("OperationEnded", "done", "Readers see courses_v1_g2 now.")
    assert (caused["causation_id"], caused["correlation_id"]) == (str(request["id"]), meta["correlation_id"])
    assert row["stream"] == request["stream"] == f"operation-{data['operation_id']}"


async def test_what_was_not_as_it_should_be_has_failed_though_the_work_was_done(database_url: str) -> None:
    async def work(_: Tell) -> Done[None]:
        return Done(None, "3 of 10 rows differ.", well=False)

    await audited(database_url, REPLAY, work)
    _, (_, end, _, _) = await written(database_url)
    assert (end["outcome"], end["said"]) == ("failed", "3 of 10 rows differ.")


@pytest.mark.parametrize(
    ("error", "said"),
    [(CannotStart("There is none."), "There is none."), (ValueError("of Ada"), "It met an error: ValueError.")],
)
async def test_a_failure_is_said_without_what_other_errors_may_hold(
    database_url: str, error: Exception, said: str
) -> None:
    async def work(_: Tell) -> Done[None]:
        raise error

    with pytest.raises(type(error)):
        await audited(database_url, REPLAY, work)
    _, (_, end, _, _) = await written(database_url)
    assert (end["outcome"], end["said"]) == ("failed", said)


async def test_what_the_operator_stops_is_cancelled_and_no_progress_is_left(database_url: str) -> None:
    begun = asyncio.Event()

    async def work(tell: Tell) -> Done[None]:
        tell("building courses_v1_g2", 3, 10)
        begun.set()
        return await asyncio.Event().wait()  # type: ignore[return-value]

    running = asyncio.create_task(audited(database_url, REPLAY, work))
    await begun.wait()
    connection = await asyncpg.connect(database_url)
    progress = "select concat_ws(' ', doing, done, total) from operations.progress"
    await until_answer(connection, progress, "building courses_v1_g2 3 10")
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running
    assert await connection.fetchval(progress) is None
    await connection.close()
    _, (_, end, _, _) = await written(database_url)
    assert (end["outcome"], end["said"]) == ("cancelled", "Stopped on the command line.")


async def test_progress_that_a_killed_process_left_is_forgotten_after_an_hour(database_url: str) -> None:
    connection = await asyncpg.connect(database_url)
    await connection.execute(
        """insert into operations.progress (operation_id, doing, done, total, told_at)
           values (gen_random_uuid(), 'old', 1, 2, now() - interval '61 minutes'),
                  (gen_random_uuid(), 'young', 1, 2, now() - interval '59 minutes')"""
    )

    async def work(tell: Tell) -> Done[None]:
        tell("verifying courses", 0, 1)
        rows = "select array_agg(doing order by doing) from operations.progress"
        await until_answer(connection, rows, ["verifying courses", "young"])
        return Done(None, "Equal.")

    await audited(database_url, Operation("verify", "courses"), work)
    assert await connection.fetchval("select array_agg(doing) from operations.progress") == ["young"]
    await connection.close()


def test_a_sentence_is_shortened_to_what_an_event_holds() -> None:
    assert shortened("a" * MOST_CHARACTERS) == "a" * MOST_CHARACTERS
    assert shortened("a" * 501) == "a" * 499 + "…"
