"""One's own sessions: seen at once, whichever API is asked, and ended from any of them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import httpx2
import pytest_asyncio

from infra.tokens import token_verifier
from query_api import shapes
from query_api.app import new_query_api
from tests.command_api import Person, School, school


@dataclass
class Both:
    """Both APIs."""

    commands: School
    queries: httpx2.AsyncClient

    async def sessions(self, person: Person) -> list[dict[str, Any]]:
        """What somebody is told of their sessions."""
        answer = await self.queries.get("/v1/me/sessions", headers={"authorization": f"Bearer {person.access_token}"})
        assert answer.status_code == 200, answer.text
        assert answer.headers["cache-control"] == "no-store"
        shapes.SessionList.model_validate_json(answer.content, strict=True, extra="forbid")
        return list(answer.json()["items"])

    def session_of(self, person: Person) -> str:
        """The id of somebody's session."""
        return str(self.commands.app.state.api.tokens.verify(person.access_token).session_id)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def both(shared_database_url: str) -> AsyncIterator[Both]:
    async with school(shared_database_url) as commands:
        app = new_query_api(commands.settings, token_verifier(commands.settings))
        transport = httpx2.ASGITransport(app=app)
        async with (
            app.router.lifespan_context(app),
            httpx2.AsyncClient(transport=transport, base_url="http://query") as queries,
        ):
            yield Both(commands, queries)


async def test_sessions_are_listed_the_newest_first_and_one_says_that_it_asks(both: Both) -> None:
    phone = await both.commands.person()
    desk = await both.commands.person_of(phone.email)
    await both.commands.person()
    listed = await both.sessions(phone)
    assert [(one["session_id"], one["current"]) for one in listed] == [
        (both.session_of(desk), False),
        (both.session_of(phone), True),
    ]
    assert [one["current"] for one in await both.sessions(desk)] == [True, False]
    assert (await both.commands.refresh(phone.refresh_token)).status_code == 200
    refreshed = (await both.sessions(phone))[1]
    assert refreshed["started_at"] == listed[1]["started_at"]
    assert refreshed["refreshed_at"] > listed[1]["refreshed_at"]


async def test_a_session_ends_from_another_one_at_once_and_only_once(both: Both) -> None:
    desk = await both.commands.person()
    lost = await both.commands.person_of(desk.email)
    path = f"/v1/me/sessions/{both.session_of(lost)}/end"
    answer = await desk.does("POST", path, Idempotency_Key="lost")
    assert (answer.status_code, answer.json()["session_id"]) == (200, both.session_of(lost))
    assert [one["session_id"] for one in await both.sessions(desk)] == [both.session_of(desk)]
    assert (await lost.does("PATCH", "/v1/me", {"display_name": "A thief"})).status_code == 401
    assert (await both.commands.refresh(lost.refresh_token)).status_code == 401
    again = await desk.does("POST", path, Idempotency_Key="lost")
    assert (again.content, again.headers["idempotency-replayed"]) == (answer.content, "true")
    ended_before = await desk.does("POST", path)
    assert (ended_before.status_code, ended_before.json()["code"]) == (404, "not_found")


async def test_sessions_of_somebody_else_cannot_be_ended_nor_found(both: Both) -> None:
    ada, eve = await both.commands.person(), await both.commands.person()
    for session_id in (both.session_of(ada), str(uuid4())):
        answer = await eve.does("POST", f"/v1/me/sessions/{session_id}/end")
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert [one["session_id"] for one in await both.sessions(ada)] == [both.session_of(ada)]


async def test_ones_own_session_can_be_ended_like_any_other(both: Both) -> None:
    ada = await both.commands.person()
    assert (await ada.does("POST", f"/v1/me/sessions/{both.session_of(ada)}/end")).status_code == 200
    assert (await ada.does("PATCH", "/v1/me", {"display_name": "Gone"})).status_code == 401
