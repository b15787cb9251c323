"""What operators are shown over HTTP: operations, builds, parked events, processes; to admins only."""

from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import msgspec
import pytest

from events.event import Event
from events.operations import OperationEnded, OperationRequested, Via
from events.recorded import Meta
from infra.ids import new_id
from query_api import desk_shapes, shapes
from query_api.app import POOL_CONNECTIONS
from query_api.cursors import After, written
from query_api.desk import DESK_CONNECTIONS
from tests.integration.query_client import QueryClient
from tests.integration.views_by_hand import ViewsByHand
from tests.written_log import WrittenLog

DESK = (
    "/v1/operations",
    "/v1/generations",
    "/v1/parked",
    "/v1/processes",
    "/v1/events",
    "/v1/events/1",
    "/v1/pipeline",
)
ADA = UUID(int=1)
PROGRESS = "insert into operations.progress (operation_id, doing, done, total) values ($1, 'building', 3, 10)"
PARK = """
insert into projection.parked (projection, generation, topic, partition, "offset", key, event_id, type, error)
values ($1, $2, 'mimo.messages', $3, $4, $5, gen_random_uuid(), $6, $7)
"""
PROCESS = """
insert into operations.process (id, part, host, pid, version, started_at, told_at, not_ready)
values (gen_random_uuid(), $1, 'here', 7, '1.0', now() - interval '1 hour', now() - make_interval(secs => $2), $3)
"""


def by(actor: str, log: WrittenLog, event: Event) -> None:
    """Records an event of somebody's."""
    log.add(event)
    log.events[-1] = msgspec.structs.replace(
        log.events[-1], meta=msgspec.json.encode(Meta(actor=actor, correlation_id="c")).decode()
    )


def asked(log: WrittenLog, action: str, actor: str = f"user:{ADA}", **options: str) -> UUID:
    """Somebody asked for an operation."""
    operation_id = new_id()
    via: Via = "desk" if actor.startswith("user") else "command_line"
    event = OperationRequested(operation_id=operation_id, action=action, target="users", options=options, via=via)
    by(actor, log, event)
    return operation_id


def ended(log: WrittenLog, operation_id: UUID, outcome: Any, said: str) -> None:
    """It came to its end."""
    event = OperationEnded(
        operation_id=operation_id, action="replay", target="users", via="desk", outcome=outcome, said=said
    )
    by("worker", log, event)


@pytest.mark.parametrize("path", DESK)
async def test_only_admins_are_told_anything(queries: QueryClient, path: str) -> None:
    for user_id, status, code in ((None, 401, "unauthenticated"), (uuid4(), 403, "forbidden")):
        answer = await queries.get(path, user_id)
        assert (answer.status_code, answer.json()["code"]) == (status, code)
        assert answer.headers["content-type"] == "application/problem+json"
        assert "items" not in answer.json()
    answer = await queries.get(path, ADA, admin=True)
    assert answer.status_code == (404 if path == "/v1/events/1" else 200)
    assert answer.headers["cache-control"] == "no-store"


async def test_who_is_no_admin_learns_nothing_by_wrong_questions_either(queries: QueryClient) -> None:
    for path in ("/v1/events?type=Nonsense", "/v1/events/x", "/v1/operations?limit=0"):
        assert (await queries.get(path, uuid4())).status_code == 403


class TestOperations:
    async def test_each_is_one_thing_from_asking_to_its_end(
        self, database_url: str, views: ViewsByHand, queries: QueryClient
    ) -> None:
        log = WrittenLog()
        done, waiting = asked(log, "replay", jobs="2"), asked(log, "verify", "operator:root")
        going = asked(log, "replay")
        ended(log, done, "failed", "It could not be done.")
        await log.store(database_url)
        for operation_id in (going, done):  # the latter was left over by a worker that was killed
            await views.connection.execute(PROGRESS, operation_id)
        answer = await queries.get("/v1/operations", ADA, admin=True)
        shown = desk_shapes.OperationList.model_validate_json(answer.content, strict=True, extra="forbid")
        assert shown.next_cursor is None
        assert [(one.operation_id, one.position) for one in shown.items] == [(going, 3), (waiting, 2), (done, 1)]
        third, second, first = shown.items
        assert (first.action, first.target, first.options, first.via) == ("replay", "users", {"jobs": "2"}, "desk")
        assert (first.asked_by, first.asked_at, first.ended_at) == (
            f"user:{ADA}", log.events[0].at, log.events[3].at
        )  # fmt: skip
        assert (first.outcome, first.said, first.progress) == ("failed", "It could not be done.", None)
        assert (second.asked_by, second.via, second.outcome) == ("operator:root", "command_line", None)
        assert (second.ended_at, second.said, second.progress) == (None, None, None)
        assert third.progress is not None
        assert (third.progress.doing, third.progress.done, third.progress.total) == ("building", 3, 10)

    async def test_pages_hold_each_once_though_new_ones_come(self, database_url: str, queries: QueryClient) -> None:
        log = WrittenLog()
        made = [asked(log, "verify") for _ in range(23)]
        await log.store(database_url)
        seen, path = [], "/v1/operations?limit=5"
        while path:
            answer = await queries.get(path, ADA, admin=True)
            seen += [UUID(item["operation_id"]) for item in answer.json()["items"]]
            assert ("link" in answer.headers) == (answer.json()["next_cursor"] is not None)
            path = answer.headers["link"].split(">")[0].lstrip("<") if "link" in answer.headers else ""
            asked(log, "verify")
            await log.store(database_url)
        assert seen == made[::-1]

    async def test_they_are_seen_where_no_projection_is(self, database_url: str, queries: QueryClient) -> None:
        log = WrittenLog()
        operation_id = asked(log, "replay")
        await log.store(database_url)
        await queries.forget_views()
        items = await queries.items("/v1/operations", ADA, admin=True)
        assert [item["operation_id"] for item in items] == [str(operation_id)]

    async def test_a_cursor_of_another_list_is_refused(self, queries: QueryClient) -> None:
        for path in ("/v1/operations", "/v1/parked"):
            answer = await queries.get(f"{path}?cursor={written(After())}", ADA, admin=True)
            assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")


class TestBooks:
    async def test_builds_are_told_with_how_far_they_are(self, views: ViewsByHand, queries: QueryClient) -> None:
        channel = new_id()
        await views.happen("messages", channel, "ChannelOpened")
        await views.happen("messages", channel, "MessageSent")
        await views.build("messages", 2)
        await views.connection.execute("update projection.generation set status = 'standby' where generation = 2")
        await views.connection.execute(
            "update projection.generation set status = 'live' where projection = 'messages' and generation = 1"
        )
        await views.connection.execute(
            "update projection.checkpoint set stopped = 'poison' where generation = 2 and partition = 3"
        )
        await views.connection.execute(PARK, "messages", 1, 3, 1, "k", "MessageSent", "odd")
        answer = await queries.get("/v1/generations", ADA, admin=True)
        shown = desk_shapes.GenerationList.model_validate_json(answer.content, strict=True, extra="forbid")
        assert [(one.projection, one.generation) for one in shown.items] == [
            ("courses", 1), ("enrollments", 1), ("messages", 1), ("messages", 2), ("moderation", 1), ("reading", 1),
            ("search", 1), ("users", 1),
        ]  # fmt: skip
        live, standby = shown.items[2:4]
        assert (live.status, live.events_behind, live.stopped, live.parked) == ("live", 2, None, 1)
        assert (standby.status, standby.events_behind, standby.stopped, standby.parked) == ("standby", 2, "poison", 0)
        assert live.bytes > 0

    async def test_parked_events_are_told_by_key_in_every_build(self, views: ViewsByHand, queries: QueryClient) -> None:
        for key, offset, name, error in (
            ("a", 5, "MessageSent", "KeyError"), ("b", 6, "MessageEdited", "odd"), ("a", 7, "MessageEdited", "behind 5")
        ):  # fmt: skip
            await views.connection.execute(PARK, "messages", 1, 3, offset, key, name, error)
        await views.build("messages", 2)  # and retires the first
        assert await queries.items("/v1/parked", ADA, admin=True) == []
        await views.connection.execute("update projection.generation set status = 'standby' where generation = 1")
        await views.connection.execute(PARK, "messages", 2, 3, 5, "a", "MessageSent", "KeyError")
        answer = await queries.get("/v1/parked", ADA, admin=True)
        shown = desk_shapes.ParkedList.model_validate_json(answer.content, strict=True, extra="forbid").items
        assert {one.position for one in shown} == {None}
        assert [(one.generation, one.key, one.events, one.first_offset, one.type, one.error) for one in shown] == [
            (1, "a", 2, 5, "MessageSent", "KeyError"),
            (1, "b", 1, 6, "MessageEdited", "odd"),
            (2, "a", 1, 5, "MessageSent", "KeyError"),
        ]

    async def test_pages_of_parked_keys_hold_each_once(self, views: ViewsByHand, queries: QueryClient) -> None:
        for number in range(12):
            await views.connection.execute(PARK, "messages", 1, number % 3, 100 + number, f"k{number:02}", "T", "odd")
        channel = await views.channel(new_id(), ADA)
        await views.connection.execute(PARK, "messages", 1, views.partition_of(channel), 1, "k12", "T", "odd")
        seen: list[dict[str, Any]] = []
        path = "/v1/parked?limit=5"
        while path:
            answer = await queries.get(path, ADA, admin=True)
            seen += answer.json()["items"]
            path = answer.headers["link"].split(">")[0].lstrip("<") if "link" in answer.headers else ""
        assert [item["key"] for item in seen] == [f"k{number:02}" for number in range(13)]
        assert seen[-1]["position"] == 1

    async def test_a_process_is_ready_or_not_or_silent(self, views: ViewsByHand, queries: QueryClient) -> None:
        await views.connection.execute(PROCESS, "query API", 1, "[]")
        await views.connection.execute(PROCESS, "relay", 1, '[{"name": "kafka", "reason": "away"}]')
        await views.connection.execute(PROCESS, "projector", 16, "[]")
        answer = await queries.get("/v1/processes", ADA, admin=True)
        shown = desk_shapes.ProcessList.model_validate_json(answer.content, strict=True, extra="forbid").items
        found = {one.part: one for one in shown if one.pid == 7}
        assert {part: one.state for part, one in found.items()} == {
            "query API": "ready", "relay": "unready", "projector": "silent"
        }  # fmt: skip
        assert [(one.name, one.reason) for one in found["relay"].not_ready] == [("kafka", "away")]
        assert found["relay"].told_at - found["relay"].started_at > timedelta(minutes=59)


async def test_the_pipeline_tells_what_rates_are_made_of(views: ViewsByHand, queries: QueryClient) -> None:
    await views.person("Ada")
    await views.person("Bob")
    before = datetime.now(UTC) - timedelta(minutes=1)
    answer = await queries.get("/v1/pipeline", ADA, admin=True)
    shown = shapes.Pipeline.model_validate_json(answer.content, strict=True, extra="forbid")
    assert {one.name: one.applied for one in shown.projections if one.applied} == {
        "users": 2, "messages": 2, "search": 2
    }  # fmt: skip
    assert before < shown.at < before + timedelta(minutes=2)
    await queries.forget_views()
    answer = await queries.get("/v1/pipeline", ADA, admin=True)
    assert all(one["applied"] is None for one in answer.json()["projections"])


async def test_operators_and_readers_do_not_wait_for_each_other(
    views: ViewsByHand, queries: QueryClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada = await views.person("Ada")

    async def refused(path: str) -> None:
        with monkeypatch.context() as patched:
            patched.setattr("query_api.desk.ACQUIRE_SECONDS", 0.1)
            answer = await queries.get(path, ADA, admin=True)
        assert (answer.status_code, answer.json()["code"]) == (503, "overloaded")

    async with AsyncExitStack() as busy:
        for _ in range(POOL_CONNECTIONS):
            await busy.enter_async_context(queries.app.state.pool.acquire())
        assert (await queries.get("/v1/pipeline", ADA, admin=True)).status_code == 200
    async with queries.app.state.desk.searching():
        for path in ("/v1/operations", "/v1/events?after=1"):
            assert (await queries.get(path, ADA, admin=True)).status_code == 200, path
        await refused("/v1/events")
    async with AsyncExitStack() as busy:
        for _ in range(DESK_CONNECTIONS):
            await busy.enter_async_context(queries.app.state.desk.asking())
        assert (await queries.get(f"/v1/users/{ada}", ada)).status_code == 200
        await refused("/v1/operations")
    assert (await queries.get("/v1/operations", ADA, admin=True)).status_code == 200
