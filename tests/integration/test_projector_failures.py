"""What a projection does about events that it cannot apply, and about a database that goes away."""

from __future__ import annotations

import asyncio

import asyncpg
import pytest

from events.courses import CourseChanged
from events.ports import Batch
from projectors.checkpoints import CheckpointMoved
from projectors.progress import State
from tests.integration.one_projection import POISON, FussyCourses, OneProjection, ParkingCourses, one_projection

SEEN = "select count(*)::int from read.courses_v1"
STOPPED = "select count(stopped)::int from read.checkpoint"
PARKED = 'select array_agg(type order by "offset") from read.parked'
CORRUPT = '{"course_id": 7}'


async def test_a_batch_with_poison_is_cut_until_only_the_culprit_is_parked(database_url: str) -> None:
    async with one_projection(database_url, projection := ParkingCourses()) as one:
        for number in range(40):
            one.course(POISON if number == 17 else "Algebra")
        await one.store()
        async with one.running():
            await one.until_applied()
        assert await one.admin.fetchval(SEEN) == 39
        assert await one.admin.fetchval(PARKED) == ["CourseCreated", "CoursePublished"]
        assert len(projection.batches) < 20


async def test_all_later_events_of_a_parked_key_wait_behind_it_in_order_and_no_others(database_url: str) -> None:
    async with one_projection(database_url, ParkingCourses()) as one:
        bad, good = one.course(POISON), one.course()
        await one.store()
        async with one.running(batch_events=1):
            await one.until_applied()
            for course in (bad, good, bad):
                one.log.add(CourseChanged(course_id=course, title="Better", description=""))
            await one.store()
            await one.until_applied()
        rows = await one.admin.fetch('select key, type, error from read.parked order by "offset"')
        assert [row["type"] for row in rows] == ["CourseCreated", "CoursePublished", "CourseChanged", "CourseChanged"]
        assert {row["key"] for row in rows} == {str(bad)}
        assert "ValueError" in rows[0]["error"]
        assert {row["error"] for row in rows[1:]} == {"behind an earlier event of its key"}
        assert await one.admin.fetchval("select title from read.courses_v1 where course_id = $1", good) == "Better"


async def test_parked_keys_are_remembered_by_the_next_process(database_url: str) -> None:
    async with one_projection(database_url, ParkingCourses()) as one:
        bad = one.course(POISON)
        await one.store()
        async with one.running():
            await one.until_applied()
        one.log.add(CourseChanged(course_id=bad, title="Better", description=""))
        await one.store()
        async with one.running():
            await one.until_applied()
        assert await one.admin.fetchval("select count(*)::int from read.parked") == 3


async def test_an_unparked_key_goes_on_although_the_process_remembers_it(database_url: str) -> None:
    async with one_projection(database_url, ParkingCourses()) as one:
        bad = one.course(POISON)
        await one.store()
        async with one.running():
            await one.until_applied()
            await one.admin.execute("delete from projection.parked")
            one.log.add(CourseChanged(course_id=bad, title="Better", description=""))
            await one.store()
            await one.until_applied()
        assert await one.admin.fetchval("select count(*)::int from read.parked") == 0


async def test_the_default_is_to_stop_right_before_the_event_and_say_why(database_url: str) -> None:
    async with one_projection(database_url, FussyCourses()) as one:
        for number in range(20):
            one.course(POISON if number == 10 else "Algebra")
        await one.store()
        async with one.running():
            await one.until(STOPPED, 1)
            reason = one.progress.unready()
        assert await one.admin.fetchval(SEEN) == 10
        assert reason is not None
        assert reason.startswith("stopped: CourseCreated mimo.courses.")
        assert "ValueError" in reason
        assert "this title" not in reason


async def test_a_stopped_projection_goes_on_by_itself_once_it_is_mended(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with one_projection(database_url, FussyCourses()) as one:
        one.course(POISON)
        await one.store()
        async with one.running():
            await one.until(STOPPED, 1)
            monkeypatch.setattr("tests.integration.one_projection.POISON", "nothing")
            await one.until_applied()
            await one.until(STOPPED, 0)
        assert await one.admin.fetchval(SEEN) == 1


async def test_an_event_that_cannot_be_decoded_is_poison(database_url: str) -> None:
    async with one_projection(database_url, ParkingCourses()) as one:
        one.course()
        event = CourseChanged(course_id=one.course(), title="x", description="")
        one.log.add(event, data=CORRUPT)
        one.course()
        await one.store()
        async with one.running():
            await one.until_applied()
        assert await one.admin.fetchval(PARKED) == ["CourseChanged"]
        assert await one.admin.fetchval(SEEN) == 3


@pytest.mark.parametrize(
    "trouble",
    [asyncpg.DeadlockDetectedError("x"), ConnectionResetError(), asyncpg.UndefinedTableError("x"), OSError("disk")],
    ids=lambda error: type(error).__name__,
)
async def test_trouble_that_is_no_events_fault_parks_nothing_and_is_tried_again(
    database_url: str, trouble: Exception
) -> None:
    async with one_projection(database_url, projection := ParkingCourses()) as one:
        one.course()
        projection.trouble = [trouble] * 5
        await one.store()
        async with one.running():
            await one.until_applied()
        assert await one.admin.fetchval(PARKED) is None
        assert await one.admin.fetchval(SEEN) == 1


async def test_the_session_can_be_killed_at_any_time(database_url: str) -> None:
    async with one_projection(database_url, FussyCourses()) as one:
        async with one.running(batch_events=3):
            for _ in range(6):
                for _ in range(10):
                    one.course()
                await one.store()
                await one.admin.execute(
                    "select pg_terminate_backend(pid) from pg_stat_activity"
                    " where application_name = 'test-projector' and datname = current_database()"
                )
            await one.until_applied()
        assert await one.admin.fetchval(SEEN) == 60


async def test_while_it_fails_it_is_unready_and_says_why(database_url: str) -> None:
    async with one_projection(database_url, FussyCourses()) as one:
        await one.admin.execute(f"alter table {one.generation.schema}.course rename to elsewhere")
        one.course()
        await one.store()
        async with one.running():
            await _until_state(one, State.BACKING_OFF)
            assert one.progress.unready() == "backing off: UndefinedTableError (42P01)"
            await one.admin.execute(f"alter table {one.generation.schema}.elsewhere rename to course")
            await one.until_applied()
            await _until_state(one, State.LIVE)
            assert one.progress.unready() is None


async def test_a_batch_that_takes_too_long_is_cut_smaller(database_url: str) -> None:
    async with one_projection(database_url, projection := FussyCourses()) as one:
        for _ in range(8):
            one.course()
        projection.trouble = [asyncpg.TransactionTimeoutError("x")]
        await one.store()
        async with one.running():
            await one.until_applied()
        assert projection.batches == [16, 8, 8]


async def test_a_zombie_that_applies_what_another_already_did_is_refused(database_url: str) -> None:
    async with one_projection(database_url, FussyCourses()) as one:
        one.course()
        await one.store()
        everything = frozenset(range(one.log.partitions))
        (zombie, first), (rightful, second) = one.batches(), one.batches()
        await zombie.load(everything)
        await rightful.load(everything)
        await rightful.deliver(Batch(one.log.events))
        with pytest.raises(CheckpointMoved):
            await zombie.deliver(Batch(one.log.events))
        assert await one.admin.fetchval(SEEN) == 1
        first.close()
        second.close()


async def test_a_batch_that_is_cut_leaves_no_hint_beyond_its_checkpoint(database_url: str) -> None:
    async with one_projection(database_url, fussy := FussyCourses()) as one:
        for _ in range(20):
            one.course()
        await one.store()
        fussy.trouble = [ValueError("cut it")]
        hints = {(event.topic, event.partition): 1000 + event.offset for event in one.log.events}
        batches, session = one.batches()
        await batches.load(frozenset(range(12)))
        await batches.deliver(Batch(one.log.events, hints))
        session.close()
        found = await one.admin.fetch('select "offset", hint from projection.checkpoint where "offset" > 0')
        assert all(hint in (None, 1000 + offset) for offset, hint in found)
        assert any(hint is not None for _, hint in found)


async def test_two_runners_without_a_lock_between_them_still_apply_everything_once(database_url: str) -> None:
    """The locks of a group only avoid double work; here there are none, and the checkpoints alone keep it right."""
    async with one_projection(database_url, FussyCourses()) as one:
        for _ in range(300):
            one.course()
        await one.store()
        everything = frozenset(range(one.log.partitions))

        async def greedy() -> None:
            batches, session = one.batches()
            while (start := sum((await batches.load(everything)).offsets.values())) < len(one.log.events):
                for at in range(start, len(one.log.events), 7):
                    try:
                        await batches.deliver(Batch(one.log.events[at : at + 7]))
                    except (CheckpointMoved, asyncpg.DeadlockDetectedError):
                        break
            session.close()

        await asyncio.gather(*(greedy() for _ in range(3)))
        assert await one.admin.fetchval(SEEN) == 300
        await one.until_applied()


async def _until_state(one: OneProjection, state: State) -> None:
    async with asyncio.timeout(20):
        while one.progress.state is not state:  # noqa: ASYNC110 - polled from outside, as readiness is
            await asyncio.sleep(0.005)
