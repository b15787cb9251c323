"""Parked events once their cause is mended: applied in order, or given up; and others are not disturbed."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import pytest

from events.courses import CourseChanged
from events.errors import CannotStart
from events.recorded import Delivered
from mimo.parking import discarded, listed, retried, shown
from projectors import retrying
from projectors.projection import Transaction
from projectors.retrying import OthersParked
from projectors.views import courses
from tests.integration.one_projection import POISON, OneProjection, ParkingCourses, one_projection

PARKED = "select count(*)::int from read.parked"
TITLES = "select array_agg(title order by title) from read.courses_v1"


class MendedCourses(ParkingCourses):
    """The same once its fault is mended."""

    async def apply(self, transaction: Transaction, batch: Sequence[Delivered]) -> None:
        await courses.Courses.apply(self, transaction, batch)


async def with_parked(one: OneProjection, changes: int) -> UUID:
    """A course that cannot be applied, with changes behind it, and one that can."""
    bad = one.course(POISON)
    one.course("Algebra")
    for number in range(changes):
        one.log.add(CourseChanged(course_id=bad, title=f"Better {number}", description=""))
    await one.store()
    async with one.running():
        await one.until_applied()
    return bad


async def test_what_is_parked_is_listed_by_key(database_url: str) -> None:
    async with one_projection(database_url, ParkingCourses()) as one:
        bad = await with_parked(one, changes=3)
        ((generation, parked),) = await listed(database_url)
        assert (generation, parked.key, parked.events) == (one.generation, str(bad), 5)
        assert (parked.type, parked.first) == ("CourseCreated", 1)
        assert "ValueError" in parked.error


async def test_the_events_of_a_key_are_shown_in_order(database_url: str) -> None:
    async with one_projection(database_url, ParkingCourses()) as one:
        bad = await with_parked(one, changes=3)
        events = await shown(database_url, ParkingCourses(), str(bad))
        assert [event.type for event in events] == ["CourseCreated", "CoursePublished"] + ["CourseChanged"] * 3
        assert {event.key for event in events} == {str(bad)}
        with pytest.raises(CannotStart, match="is parked"):
            await shown(database_url, ParkingCourses(), "nobody")


@pytest.mark.parametrize("slice_events", [2, 500])
async def test_once_mended_all_are_applied_in_order(
    database_url: str, monkeypatch: pytest.MonkeyPatch, slice_events: int
) -> None:
    monkeypatch.setattr(retrying, "SLICE_EVENTS", slice_events)
    async with one_projection(database_url, ParkingCourses()) as one:
        await with_parked(one, changes=10)
        outcome = await retried(database_url, MendedCourses(), ())
        assert (outcome.applied, outcome.still) == (12, ())
        assert await one.admin.fetchval(PARKED) == 0
        assert await one.admin.fetchval(TITLES) == ["Algebra", "Better 9"]


async def test_what_still_cannot_be_applied_stays_with_all_that_is_behind_it(database_url: str) -> None:
    async with one_projection(database_url, ParkingCourses()) as one:
        bad = await with_parked(one, changes=3)
        outcome = await retried(database_url, ParkingCourses(), (str(bad),))
        assert outcome.applied == 0
        (sentence,) = outcome.still
        assert sentence.startswith("CourseCreated mimo.courses.")
        assert f"of key {bad} still cannot be applied (ValueError" in sentence
        assert await one.admin.fetchval(PARKED) == 5


async def test_a_running_projection_goes_on_with_a_key_that_was_retried(database_url: str) -> None:
    async with one_projection(database_url, projection := ParkingCourses()) as one:
        bad = await with_parked(one, changes=1)
        async with one.running():
            await one.until_applied()
            await retried(database_url, MendedCourses(), (str(bad),))
            one.log.add(CourseChanged(course_id=bad, title="Best", description=""))
            await one.store()
            await one.until(TITLES, ["Algebra", "Best"])
        assert await one.admin.fetchval(PARKED) == 0
        assert projection.batches


async def test_what_is_given_up_is_missing_and_the_next_event_of_its_key_is_tried(database_url: str) -> None:
    async with one_projection(database_url, ParkingCourses()) as one:
        bad = await with_parked(one, changes=2)
        with pytest.raises(OthersParked, match="4 events are parked in courses, not 3"):
            await discarded(database_url, ParkingCourses(), str(bad), 3)
        assert await one.admin.fetchval(PARKED) == 4
        assert await discarded(database_url, ParkingCourses(), str(bad), 4) == 4
        assert await one.admin.fetchval(PARKED) == 0
        assert await one.admin.fetchval(TITLES) == ["Algebra"]


async def test_a_key_of_which_nothing_is_parked_is_said_to(database_url: str) -> None:
    async with one_projection(database_url, ParkingCourses()) as one:
        await with_parked(one, changes=0)
        for doing in (
            retried(database_url, ParkingCourses(), ("nobody",)),
            discarded(database_url, ParkingCourses(), "nobody", 1),
        ):
            with pytest.raises(CannotStart, match="No event of nobody is parked in courses"):
                await doing
