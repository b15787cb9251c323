"""The operations worker does what is asked for at the desk: once, whoever is killed, and says what came of it."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest_asyncio

from infra.settings import load_settings
from mimo.operating.worker import Worker
from projectors.views import PROJECTIONS
from tests.beside import beside
from tests.integration.asked_at_the_desk import Desk, desk
from tests.integration.one_projection import ParkingCourses, one_projection
from tests.integration.test_audited_commands import written
from tests.integration.test_parked import with_parked
from tests.ports import free_port

STATUSES = """
    select string_agg(status, ' ' order by generation) from projection.generation where projection = 'courses'"""
BEGUN = "select doing like 'building courses_v1_g2%' from operations.progress where operation_id = '{}'"
FORGED = """
    update courses_v1_g1.course set title = 'Forged'
    where course_id = (select course_id from courses_v1_g1.course limit 1)"""
COURSES = 10
SLOW = {"rate": 1}
"""A replay of many seconds: there are two events of each course."""
SLOWER = {"rate": 4}
"""One of a few seconds."""


@pytest_asyncio.fixture(loop_scope="session")
async def at_the_desk(database_url: str) -> AsyncIterator[Desk]:
    async with desk(database_url) as found:
        for _ in range(COURSES):
            await found.school.course(found.admin)
        yield found


async def test_a_replay_asked_for_over_http_is_carried_out_and_its_end_caused_by_the_request(at_the_desk: Desk) -> None:
    async with at_the_desk.working(), at_the_desk.worker() as worker:
        operation_id = await at_the_desk.asks("replay", body={"jobs": 2})
        await at_the_desk.until_ended()
        assert await at_the_desk.connection.fetchval(STATUSES) == "standby live"
        assert await worker.unready() is None
        await at_the_desk.until("select count(*)::int from operations.progress", 0)
    (_, asked, meta, request), (_, ended, caused, row) = await written(at_the_desk.url)
    assert (asked["action"], asked["target"], asked["options"]) == ("replay", "courses", {"source": "log", "jobs": "2"})
    assert (asked["operation_id"], asked["via"]) == (operation_id, "desk")
    assert meta["actor"] == f"user:{at_the_desk.admin.user_id}"
    assert (ended["outcome"], ended["said"]) == ("done", "Readers see courses_v1_g2 now.")
    assert (caused["actor"], caused["causation_id"]) == ("worker", str(request["id"]))
    assert caused["correlation_id"] == meta["correlation_id"]
    assert row["version"] == 2


async def test_each_action_does_what_its_command_does(at_the_desk: Desk) -> None:
    async with at_the_desk.working(), at_the_desk.worker():
        for number, (action, body) in enumerate(
            [
                ("replay", {}), ("rollback", {"generation": 1}), ("verify", None), ("drop", {"generation": 2}),
                ("retry-parked", {}),
            ],
            start=1,
        ):  # fmt: skip
            await at_the_desk.asks(action, body=body)
            await at_the_desk.until_ended(number)
    replayed, rolled_back, verified, dropped, retried = await at_the_desk.ends()
    assert replayed == ("replay", "done", "Readers see courses_v1_g2 now.")
    assert rolled_back == ("rollback", "done", "Readers see courses_v1_g1 now.")
    assert verified[:2] == ("verify", "done")
    assert verified[2].startswith("courses_v1_g1: equal, 10 rows, digest ")
    assert dropped == ("drop", "done", "Dropped generation 2 of courses.")
    assert retried == ("retry-parked", "done", "Applied 0 events.")


async def test_what_cannot_be_done_ends_as_failed_and_says_why(at_the_desk: Desk) -> None:
    async with at_the_desk.working(), at_the_desk.worker():
        for number, (action, projection, body) in enumerate(
            [
                ("verify", "nothing", None),
                ("rollback", "courses", {"generation": 7}),
                ("drop", "courses", {"generation": 1}),
                ("discard-parked", "courses", {"key": "somebody", "events": 3}),
                ("replay", "courses", {"source": "kafka"}),
            ],
            start=1,
        ):
            await at_the_desk.asks(action, projection, body)
            await at_the_desk.until_ended(number)
    ends = await at_the_desk.ends()
    assert {outcome for _, outcome, _ in ends} == {"failed"}
    for (_, _, said), sentence in zip(
        ends,
        [
            f"There is no projection nothing: there are {', '.join(one.name for one in PROJECTIONS)}.",
            "courses has no generation 7 on standby",
            "courses has no generation 1 that could be dropped: readers see it",
            "No event of somebody is parked in courses",
            "was never used with Kafka",
        ],
        strict=True,
    ):
        assert sentence in said


async def test_parked_events_are_given_up_only_if_there_are_as_many_as_were_seen(database_url: str) -> None:
    async with one_projection(database_url, ParkingCourses()) as one:
        bad = await with_parked(one, changes=2)
    async with desk(database_url) as at_the_desk, at_the_desk.worker():
        for number, events in enumerate((3, 4), start=1):
            await at_the_desk.asks("discard-parked", body={"key": str(bad), "events": events})
            await at_the_desk.until_ended(number)
        assert await at_the_desk.ends() == [
            ("discard-parked", "failed", f"Of {bad} 4 events are parked in courses, not 3: look again."),
            ("discard-parked", "done", "Gave up 4 events."),
        ]


async def test_a_verification_that_finds_a_difference_has_failed(at_the_desk: Desk) -> None:
    async with at_the_desk.working(), at_the_desk.worker():
        await at_the_desk.connection.execute(FORGED)
        await at_the_desk.asks("verify")
        await at_the_desk.until_ended()
    ((_, outcome, said),) = await at_the_desk.ends()
    assert (outcome, said) == ("failed", "courses_v1_g1: 1 of 10 rows differ")


async def test_what_an_admin_stops_ends_within_a_moment_and_goes_on_where_it_was(at_the_desk: Desk) -> None:
    async with at_the_desk.working(), at_the_desk.worker():
        operation_id = await at_the_desk.asks("replay", body=SLOW)
        await at_the_desk.until(BEGUN.format(operation_id), True)
        assert await at_the_desk.cancels(operation_id) == 200
        await at_the_desk.until("select count(*)::int from operations.progress", 0)
        assert await at_the_desk.connection.fetchval(STATUSES) == "live building"
        assert await at_the_desk.ends() == [("replay", "cancelled", "Stopped at the desk.")]
        await at_the_desk.asks("replay")
        await at_the_desk.until_ended(2)
        assert await at_the_desk.connection.fetchval(STATUSES) == "standby live"


async def test_of_one_target_one_thing_is_done_after_the_other(at_the_desk: Desk) -> None:
    async with at_the_desk.working(), at_the_desk.worker():
        replaying = await at_the_desk.asks("replay", body=SLOW)
        await at_the_desk.until(BEGUN.format(replaying), True)
        await at_the_desk.asks("verify")
        await at_the_desk.asks("verify", "users")
        await at_the_desk.until_ended(1)
        assert [action for action, _, _ in await at_the_desk.ends()] == ["verify"]
        await at_the_desk.cancels(replaying)
        await at_the_desk.until_ended(3)
    assert [(action, said.partition("_")[0]) for action, _, said in await at_the_desk.ends()] == [
        ("verify", "users"), ("replay", "Stopped at the desk."), ("verify", "courses"),
    ]  # fmt: skip


async def test_two_workers_carry_a_thing_out_once(at_the_desk: Desk) -> None:
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(at_the_desk.working())
        for _ in range(2):
            await stack.enter_async_context(at_the_desk.worker())
        for number in range(1, 4):
            await asyncio.gather(*(at_the_desk.asks("replay", name) for name in ("courses", "users")))
            await at_the_desk.until_ended(2 * number)
    assert await at_the_desk.connection.fetchval(STATUSES) == "standby standby standby live"
    assert {outcome for _, outcome, _ in await at_the_desk.ends()} == {"done"}


async def test_killed_in_the_middle_it_is_gone_on_with_by_whoever_starts_next(
    at_the_desk: Desk, tmp_path: Path
) -> None:
    async with at_the_desk.working():
        replaying = await at_the_desk.asks("replay", body=SLOWER)
        first = at_the_desk.process(tmp_path)
        try:
            await at_the_desk.until(BEGUN.format(replaying), True)
        finally:
            first.kill()
            first.wait()
        assert await at_the_desk.ends() == []
        second = at_the_desk.process(tmp_path)
        try:
            await at_the_desk.until_ended()
        finally:
            second.terminate()
            assert second.wait() == -signal.SIGTERM
        assert await at_the_desk.connection.fetchval(STATUSES) == "standby live", "the one that was begun"
    assert await at_the_desk.ends() == [("replay", "done", "Readers see courses_v1_g2 now.")]


async def test_one_that_is_frozen_is_taken_over_from(at_the_desk: Desk, tmp_path: Path) -> None:
    async with at_the_desk.working():
        replaying = await at_the_desk.asks("replay", body=SLOWER)
        frozen = at_the_desk.process(tmp_path)
        try:
            await at_the_desk.until(BEGUN.format(replaying), True)
            os.kill(frozen.pid, signal.SIGSTOP)
            async with at_the_desk.worker():
                await at_the_desk.until_ended()
            assert await at_the_desk.ends() == [("replay", "done", "Readers see courses_v1_g2 now.")]
            os.kill(frozen.pid, signal.SIGCONT)
            verified = await at_the_desk.asks("verify")
            await at_the_desk.until_ended(2)
            assert verified
        finally:
            frozen.kill()
            frozen.wait()


async def test_a_replay_that_was_shown_before_its_worker_was_killed_is_not_done_again(at_the_desk: Desk) -> None:
    async with at_the_desk.working():
        operation_id = await at_the_desk.asks("replay")
        await at_the_desk.connection.execute(
            "insert into operations.progress (operation_id, doing, done, total) "
            "values ($1, 'switching courses_v1_g1', 9, 9)", operation_id,
        )  # fmt: skip
        async with at_the_desk.worker():
            await at_the_desk.until_ended()
        assert await at_the_desk.connection.fetchval(STATUSES) == "live"
    assert await at_the_desk.ends() == [("replay", "done", "Readers see courses_v1_g1 now.")]


async def test_when_the_database_ends_its_sessions_it_goes_on(at_the_desk: Desk) -> None:
    ending = """
        select count(pg_terminate_backend(pid)) from pg_stat_activity
        where application_name like 'mimo-operations%' or application_name = 'mimo-replay'"""
    async with at_the_desk.working(), at_the_desk.worker() as worker:
        replaying = await at_the_desk.asks("replay", body=SLOWER)
        await at_the_desk.until(BEGUN.format(replaying), True)
        assert await at_the_desk.connection.fetchval(ending) >= 3
        await at_the_desk.until_ended()
        assert await at_the_desk.connection.fetchval(STATUSES) == "standby live"
        assert await worker.unready() is None
    assert await at_the_desk.ends() == [("replay", "done", "Readers see courses_v1_g2 now.")]


async def test_a_worker_without_a_database_says_so_and_waits() -> None:
    nowhere = f"postgresql://mimo@127.0.0.1:{free_port()}/mimo"
    worker = Worker(load_settings(database_url=nowhere))
    async with beside(worker.run()):
        async with asyncio.timeout(20):
            while "cannot be reached" not in (await worker.unready() or ""):  # noqa: ASYNC110 - it happens in the worker
                await asyncio.sleep(0.02)
