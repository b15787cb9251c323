"""Events over HTTP: what filters find, page by page and as they come, and how a wrong filter is refused."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
import pytest_asyncio

from events.courses import CourseCreated, CoursePublished
from events.messages import MessageSent
from events.recorded import Recorded
from infra.event_log import glance as glances
from infra.event_log.json_lines import json_line
from infra.ids import new_id
from query_api import desk_shapes
from tests.integration.query_client import QueryClient, query_client
from tests.integration.searched_log import SearchedLog, actor
from tests.written_log import WrittenLog

ADMIN = UUID(int=1)


@pytest.fixture(scope="module")
def log() -> SearchedLog:
    return SearchedLog(300)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def desk(shared_database_url: str, log: SearchedLog) -> AsyncIterator[QueryClient]:
    await log.store(shared_database_url)
    async with query_client(shared_database_url) as client:
        yield client


async def listed(desk: QueryClient, query: str) -> desk_shapes.EventList:
    """What is answered, in the shape that was promised."""
    answer = await desk.get(f"/v1/events?{query}", ADMIN, admin=True)
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    return desk_shapes.EventList.model_validate_json(answer.content, strict=True, extra="forbid")


def positions(found: desk_shapes.EventList) -> list[int]:
    return [event.position for event in found.items]


async def test_the_latest_come_first_and_are_what_the_log_holds(desk: QueryClient, log: SearchedLog) -> None:
    answer = await desk.get("/v1/events?limit=3", ADMIN, admin=True)
    expected = [json.loads(json_line(event)) for event in log.events[:-4:-1]]
    last = len(log.events)
    assert answer.json() == {"items": expected, "position": last, "before": last - 2}


async def test_one_event_by_its_position(desk: QueryClient, log: SearchedLog) -> None:
    answer = await desk.get("/v1/events/5", ADMIN, admin=True)
    assert answer.json() == json.loads(json_line(log.events[4]))
    desk_shapes.Event.model_validate_json(answer.content, strict=True, extra="forbid")
    answer = await desk.get("/v1/events/100000", ADMIN, admin=True)
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert answer.json()["detail"] == f"There is no such event; the log has {len(log.events)}."


async def test_personal_data_stay_sealed(desk: QueryClient, log: SearchedLog) -> None:
    answer = await desk.get("/v1/events?type=UserRegistered&type=MessageSent&limit=200", ADMIN, admin=True)
    assert all("sealed" in item["data"] for item in answer.json()["items"])
    assert "Hello" not in answer.text
    assert "ada@example.org" not in answer.text


async def test_filters_find_what_they_mean(desk: QueryClient, log: SearchedLog) -> None:
    ada, course = str(log.people[1]), str(log.courses[1])
    half = log.events[len(log.events) // 2].at
    cases: list[tuple[str, Callable[[Recorded], bool]]] = [
        ("type=Enrolled&type=SessionEnded", lambda event: event.type in ("Enrolled", "SessionEnded")),
        ("topic=courses", lambda event: event.topic == "mimo.courses"),
        (f"stream=course-{course}", lambda event: event.stream == f"course-{course}"),
        (f"key={course}", lambda event: event.key == course),
        (f"actor={ada}&topic=mimo.messages", lambda event: actor(event) == f"user:{ada}"),
        ("actor=worker", lambda event: False),
        (f"since={half:%FT%TZ}", lambda event: event.at >= half),
        (f"until={half:%FT%TZ}&topic=users", lambda event: event.at < half and event.topic == "mimo.users"),
    ]
    for query, matches in cases:
        expected = [event.position for event in log.events if matches(event)]
        assert positions(await listed(desk, f"{query}&limit=200")) == expected[::-1][:200], query
        assert positions(await listed(desk, f"{query}&limit=200&after=0")) == expected[:200], query


@pytest.mark.parametrize("looked_at", [100_000, 60])
async def test_pages_back_and_forth_hold_each_once(
    desk: QueryClient, log: SearchedLog, monkeypatch: pytest.MonkeyPatch, looked_at: int
) -> None:
    monkeypatch.setattr(glances, "LOOKED_AT_AT_MOST", looked_at)
    monkeypatch.setattr(glances, "SHORT", 10)
    for query, matches in (
        ("limit=40", lambda event: True),
        ("limit=2&topic=courses", lambda event: event.topic == "mimo.courses"),
        ("limit=9&actor=anonymous", lambda event: actor(event) == "anonymous"),
    ):
        expected = [event.position for event in log.events if matches(event)]
        backwards, found = [], await listed(desk, query)
        newest = found.position
        while found.before is not None:
            backwards += positions(found)
            found = await listed(desk, f"{query}&before={found.before}")
        assert backwards + positions(found) == expected[::-1]
        forwards: list[int] = []
        after = 0
        while after < newest:
            found = await listed(desk, f"{query}&after={after}")
            assert found.position > after
            forwards, after = forwards + positions(found), found.position
        assert forwards == expected


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("type=messagesent", "There is no event 'messagesent'; did you mean MessageSent?"),
        ("topic=mails", "There is no topic 'mails'; there are mimo.users, "),
        ("stream=lesson-1", "'lesson-1' is no stream: write user-ID, "),
        ("actor=ada", "'ada' is nobody: write a user's id, "),
        ("since=yesterday", "'yesterday' is no time: write 15m, "),
        ("since=1h&until=2h", "Nothing lies between "),
        ("key=%00", "is no text that an event could hold."),
        ("type=Enrolled&topic=users", "Enrolled is in mimo.enrollments, never in mimo.users."),
        ("after=1&before=9", "after and before: send one of them."),
        ("after=-1", "after: Input should be greater than or equal to 0"),
        ("limit=201", "limit: Input should be less than or equal to 200"),
    ],
)
async def test_a_wrong_filter_is_refused_with_what_to_write(desk: QueryClient, query: str, said: str) -> None:
    answer = await desk.get(f"/v1/events?{query}", ADMIN, admin=True)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    assert said in answer.json()["detail"]
    assert answer.headers["content-type"] == "application/problem+json"


async def test_an_empty_log_and_one_that_is_another_now(database_url: str) -> None:
    async with query_client(database_url) as desk:
        assert await listed(desk, "") == desk_shapes.EventList(items=[], position=0, before=None)
        assert await listed(desk, "after=0") == desk_shapes.EventList(items=[], position=0, before=None)
        answer = await desk.get("/v1/events?after=8", ADMIN, admin=True)
        assert (answer.status_code, answer.json()["code"]) == (409, "history_changed")


async def test_whoever_asks_for_what_came_since_misses_nothing_and_is_told_nothing_twice(database_url: str) -> None:
    log, course = WrittenLog(), new_id()
    person = log.person()

    def happens(number: int) -> None:
        for _ in range(number):
            log.add(MessageSent(channel_id=new_id(), author_id=person, text="Hello"))
            log.add(CoursePublished(course_id=course))

    happens(40)
    await log.store(database_url)

    async def go_on() -> None:
        for number in range(60):
            happens(number % 9 + 1)
            await log.store(database_url)

    async with query_client(database_url) as desk:
        queries = {"limit=3": "", "limit=50": "", "limit=50&type=CoursePublished": "CoursePublished"}
        seen: dict[str, list[int]] = {}
        after: dict[str, int] = {}
        for query in queries:
            first = await listed(desk, query)
            seen[query], after[query] = positions(first)[::-1], first.position
        begun = {query: found[0] for query, found in seen.items()}
        writing = asyncio.create_task(go_on())
        while not writing.done() or any(position < len(log.events) for position in after.values()):
            for query in queries:
                found = await listed(desk, f"{query}&after={after[query]}")
                seen[query], after[query] = seen[query] + positions(found), found.position
        await writing
        for query, name in queries.items():
            expected = [event.position for event in log.events if name in ("", event.type)]
            assert seen[query] == [position for position in expected if position >= begun[query]]


async def test_a_database_that_does_not_answer_is_told_in_time(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with query_client(database_url) as desk:
        blocker = await asyncpg.connect(database_url)
        try:
            async with blocker.transaction():
                await blocker.execute("lock table log.event")
                monkeypatch.setattr("query_api.desk.ASKING_SECONDS", 0.3)
                for path in ("/v1/events", "/v1/operations", "/v1/pipeline", "/v1/generations"):
                    answer = await desk.get(path, ADMIN, admin=True)
                    assert (answer.status_code, answer.json()["code"]) == (503, "overloaded"), path
                    assert int(answer.headers["retry-after"]) >= 1
            monkeypatch.undo()
            assert await listed(desk, "") == desk_shapes.EventList(items=[], position=0, before=None)
        finally:
            await blocker.close()


async def test_a_course_is_shown_as_it_was_written(database_url: str) -> None:
    log = WrittenLog()
    written: dict[str, Any] = {"title": "“Größe” <script>", "description": "\n\\", "capacity": None}
    log.add(CourseCreated(course_id=new_id(), owner_id=uuid4(), **written))
    await log.store(database_url)
    async with query_client(database_url) as desk:
        answer = await desk.get("/v1/events/1", ADMIN, admin=True)
        assert {name: answer.json()["data"][name] for name in written} == written
