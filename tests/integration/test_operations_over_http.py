"""Asking for operations over HTTP: by admins only, the same once at a time, safely repeated, and stopped."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from infra.ids import new_id
from tests.integration.asked_at_the_desk import Desk, desk
from tests.integration.test_audited_commands import written

ACTIONS = [
    ("replay", {}), ("rollback", {"generation": 1}), ("drop", {"generation": 1}), ("verify", None),
    ("retry-parked", {}), ("discard-parked", {"key": "somebody", "events": 1}),
]  # fmt: skip


@pytest_asyncio.fixture(loop_scope="session")
async def at_the_desk(database_url: str) -> AsyncIterator[Desk]:
    async with desk(database_url) as found:
        yield found


async def test_only_admins_may_ask_for_anything_or_stop_it(at_the_desk: Desk) -> None:
    somebody = await at_the_desk.school.person()
    paths = [(f"/v1/projections/courses/{action}", body) for action, body in ACTIONS]
    for path, body in [*paths, (f"/v1/operations/{new_id()}/cancel", None)]:
        refused = await somebody.does("POST", path, body)
        assert (refused.status_code, refused.json()["code"]) == (403, "forbidden"), path
        unknown = await at_the_desk.school.client.post(path, json=body)
        assert unknown.status_code == 401, path
    assert await written(at_the_desk.url) == []


@pytest.mark.parametrize(
    ("action", "body", "options"),
    [
        ("replay", {}, {"source": "log", "jobs": "1"}),
        ("replay", {"source": "kafka", "jobs": 4, "rate": 500}, {"source": "kafka", "jobs": "4", "rate": "500"}),
        ("rollback", {"generation": 3}, {"generation": "3"}),
        ("drop", {"generation": 2}, {"generation": "2"}),
        ("verify", None, {}),
        ("retry-parked", {}, {}),
        ("retry-parked", {"keys": ["one", "two"]}, {"keys": "one two"}),
        ("discard-parked", {"key": "one", "events": 12}, {"key": "one", "events": "12"}),
    ],
)
async def test_what_is_asked_for_is_an_event_with_how(
    at_the_desk: Desk, action: str, body: dict[str, object] | None, options: dict[str, str]
) -> None:
    answer = await at_the_desk.admin.does("POST", f"/v1/projections/courses/{action}", body)
    assert answer.status_code == 202
    ((kind, data, meta, row),) = await written(at_the_desk.url)
    assert (kind, data["action"], data["target"], data["options"]) == ("OperationRequested", action, "courses", options)
    assert answer.json() == {"operation_id": data["operation_id"], "position": row["position"]}
    assert meta["actor"] == f"user:{at_the_desk.admin.user_id}"
    assert answer.headers["mimo-bookmark"]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("courses/rollback", {}),
        ("courses/rollback", {"generation": 0}),
        ("courses/replay", {"jobs": 17}),
        ("courses/replay", {"source": "elsewhere"}),
        ("courses/replay", {"rate": 0}),
        ("courses/retry-parked", {"keys": ["one two"]}),
        ("courses/discard-parked", {"key": "one"}),
        ("Courses'/verify", None),
    ],
)
async def test_what_makes_no_sense_is_refused_at_once(at_the_desk: Desk, path: str, body: object) -> None:
    refused = await at_the_desk.admin.does("POST", f"/v1/projections/{path}", body)
    assert (refused.status_code, refused.json()["code"]) == (422, "invalid_request")
    assert await written(at_the_desk.url) == []


async def test_the_same_is_not_asked_for_twice_but_the_same_request_is_answered_again(at_the_desk: Desk) -> None:
    path = "/v1/projections/courses/replay"
    first = await at_the_desk.admin.does("POST", path, {}, Idempotency_Key="once")
    again = await at_the_desk.admin.does("POST", path, {}, Idempotency_Key="once")
    assert (again.status_code, again.json()) == (202, first.json())
    assert again.headers["idempotency-replayed"] == "true"
    other = await at_the_desk.admin.does("POST", path, {"jobs": 2})
    assert (other.status_code, other.json()["code"]) == (409, "operation_underway")
    assert (await at_the_desk.admin.does("POST", "/v1/projections/users/replay", {})).status_code == 202
    assert (await at_the_desk.admin.does("POST", "/v1/projections/courses/verify")).status_code == 202
    assert len(await written(at_the_desk.url)) == 3


async def test_what_was_stopped_can_be_asked_for_again_and_is_not_stopped_twice(at_the_desk: Desk) -> None:
    operation_id = await at_the_desk.asks("replay")
    path = f"/v1/operations/{operation_id}/cancel"
    stopped = await at_the_desk.admin.does("POST", path, Idempotency_Key="stop")
    assert (stopped.status_code, stopped.json()["operation_id"]) == (200, operation_id)
    assert await at_the_desk.ends() == [("replay", "cancelled", "Stopped at the desk.")]
    repeated = await at_the_desk.admin.does("POST", path, Idempotency_Key="stop")
    assert (repeated.status_code, repeated.json()) == (200, stopped.json())
    again = await at_the_desk.admin.does("POST", path)
    assert (again.status_code, again.json()["detail"]) == (404, "This operation has ended already.")
    assert await at_the_desk.asks("replay") != operation_id


async def test_what_there_is_not_cannot_be_stopped(at_the_desk: Desk) -> None:
    assert await at_the_desk.cancels(str(new_id())) == 404
    malformed = await at_the_desk.admin.does("POST", "/v1/operations/this/cancel")
    assert malformed.status_code == 422
