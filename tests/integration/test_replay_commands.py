"""`mimo replay`, `rollback`, `generations`, `drop`, `verify`, `diff` and `parked` as somebody types them."""

from __future__ import annotations

import json
import subprocess
from typing import Any

import asyncpg

from events.courses import CourseChanged, CourseCreated
from infra.ids import new_id
from mimo.options import operator
from projectors.views import PROJECTIONS
from tests.integration.one_projection import ParkingCourses, one_projection
from tests.integration.test_audited_commands import written
from tests.integration.test_parked import with_parked
from tests.integration.test_replay import Installation
from tests.system import run_mimo


def run(url: str, *words: str) -> subprocess.CompletedProcess[str]:
    return run_mimo(*words, MIMO_DATABASE_URL=url, COLUMNS="200")


def told(url: str, *words: str) -> str:
    """What it prints when all is well."""
    done = run(url, *words)
    assert done.returncode == 0, done.stderr
    return done.stdout


async def test_a_view_is_replayed_rolled_back_and_tidied_up(database_url: str) -> None:
    admin = await asyncpg.connect(database_url)
    installation = Installation(database_url, admin)
    await installation.happen(200)
    async with installation.working():
        await installation.until_shown("courses")
    await admin.close()
    events = installation.events_of("courses")
    assert f"from {events} events of mimo.courses" in told(database_url, "replay", "courses", "--dry-run")
    replayed = run(database_url, "replay", "courses", "--jobs", "2")
    assert (replayed.returncode, replayed.stdout) == (0, "Readers see courses_v1_g2 now.\n"), replayed.stderr
    assert f"switching courses_v1_g2: {events} of {events} events" in replayed.stderr
    assert told(database_url, "rollback", "courses") == "Readers see courses_v1_g1 now.\n"
    listed = json.loads(told(database_url, "generations", "courses", "--json"))
    assert [(one["generation"], one["status"]) for one in listed] == [(1, "live"), (2, "standby")]
    assert told(database_url, "drop", "courses", "2", "--yes") == "Dropped generation 2 of courses.\n"
    assert "live" in told(database_url, "generations")
    refused = run(database_url, "drop", "courses", "1", "--yes")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "readers see it" in refused.stderr
    noted = await written(database_url)
    asked = [(data["action"], data["target"], data["options"]) for _, data, _, _ in noted[::2]]
    assert asked == [
        ("replay", "courses", {"source": "log", "jobs": "2"}),
        ("rollback", "courses", {"generation": "1"}),
        ("drop", "courses", {"generation": "2"}),
        ("drop", "courses", {"generation": "1"}),
    ]
    came = [(data["outcome"], data["said"]) for _, data, _, _ in noted[1::2]]
    assert came[:2] == [("done", "Readers see courses_v1_g2 now."), ("done", "Readers see courses_v1_g1 now.")]
    assert came[2] == ("done", "Dropped generation 2 of courses.")
    assert (came[3][0], f"mimo: {came[3][1]}\n") == ("failed", refused.stderr)
    latest = json.loads(told(database_url, "operations", "--limit", "2", "--json"))
    assert [(one["action"], one["outcome"], one["asked_by"]) for one in latest] == [
        ("drop", "failed", f"operator:{operator()}"), ("drop", "done", f"operator:{operator()}"),
    ]  # fmt: skip
    assert "replay courses source=log jobs=2" in told(database_url, "operations")


async def test_a_view_is_verified_and_what_is_wrong_is_shown(database_url: str) -> None:
    admin = await asyncpg.connect(database_url)
    installation = Installation(database_url, admin)
    await installation.happen(200)
    async with installation.working():
        for projection in PROJECTIONS:
            await installation.until_shown(projection.name)
    said = told(database_url, "verify", "--all").splitlines()
    assert [line.partition(":")[0] for line in said] == [f"{projection.name}_v1_g1" for projection in PROJECTIONS]
    assert all(": equal, " in line and ", digest " in line for line in said)
    await admin.execute("update courses_v1_g1.course set title = 'Forged' where ctid = '(0,1)'")
    wrong = run(database_url, "verify", "courses")
    assert wrong.returncode == 1
    assert wrong.stdout.startswith("courses_v1_g1: 1 of ")
    assert "readers see title='Forged'; the log has title=" in wrong.stdout
    (found,) = json.loads(run(database_url, "verify", "courses", "--json").stdout)
    assert (found["equal"], found["different"], found["differences"][0]["found"]) == (False, 1, {"title": "Forged"})
    await admin.close()
    assert run(database_url, "verify").returncode == 1
    *_, last = [data for kind, data, _, _ in await written(database_url) if kind == "OperationEnded"]
    assert (last["action"], last["target"], last["outcome"]) == ("verify", "courses", "failed")
    assert last["said"].startswith("courses_v1_g1: 1 of ")
    assert "Forged" not in last["said"], "rows may hold personal data"


async def test_how_a_view_changed_between_two_moments(database_url: str) -> None:
    async with one_projection(database_url, ParkingCourses()) as one:
        first, second = new_id(), new_id()
        for course, title in ((first, "Algebra"), (second, "Botany")):
            one.log.add(CourseCreated(course_id=course, owner_id=new_id(), title=title, description=""))
        one.log.add(CourseChanged(course_id=first, title="Geometry", description=""))
        await one.store()
    changed = told(database_url, "diff", "courses", "--at", "1", "--at", "3").splitlines()
    assert changed[-1] == "2 rows of courses changed from position 1 to 3."
    assert any(line.startswith(f"~ course course_id={first}: title='Algebra'") for line in changed)
    assert any(line.startswith(f"+ course course_id={second}: ") for line in changed)
    found: dict[str, Any] = json.loads(
        told(database_url, "diff", "courses", "--at", "3", "--at", "2026-09-01", "--json")
    )
    assert (found["before"], found["after"], found["different"]) == (3, 0, 2)
    assert {difference["expected"] for difference in found["differences"]} == {None}
    for words, sentence in (
        (("--at", "1"), "Say --at twice"),
        (("--at", "1", "--at", "soon"), "'soon' is no time"),
    ):
        refused = run(database_url, "diff", "courses", *words)
        assert refused.returncode == 1
        assert sentence in refused.stderr


async def test_parked_events_are_listed_and_given_up(database_url: str) -> None:
    assert "0 events of 0 keys are parked." in told(database_url, "parked")
    async with one_projection(database_url, ParkingCourses()) as one:
        bad = await with_parked(one, changes=2)
    (found,) = json.loads(told(database_url, "parked", "--json"))
    assert (found["projection"], found["key"], found["events"], found["type"]) == (
        "courses",
        str(bad),
        4,
        "CourseCreated",
    )
    assert f"{bad}" in told(database_url, "parked")
    assert told(database_url, "parked", "retry", "courses") == "Applied 4 events.\n"
    (_, asked, _, _), (_, ended, _, _) = await written(database_url)
    assert (asked["action"], asked["target"], ended["said"]) == ("retry-parked", "courses", "Applied 4 events.")
    assert run(database_url, "parked", "discard", "courses", str(bad), "--yes").returncode == 1
