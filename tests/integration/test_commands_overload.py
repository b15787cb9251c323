"""When there is too much to do or no database: 503 with Retry-After, soon, and everything works again afterwards."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from time import monotonic

import pytest

from events.errors import RateLimited
from infra.embedded_postgres import EmbeddedPostgres
from tests.command_api import PASSWORD, School, school
from tests.postgres import TEMPLATE, cloned_database, make_template, throw_away_server

PATIENCE_SECONDS = 12.0


@pytest.fixture
def own_server() -> Iterator[EmbeddedPostgres]:
    with throw_away_server() as server:
        yield server


async def refused(api: School) -> None:
    """Everything is refused as an overload, no request hangs."""
    started = monotonic()
    registration = {"email": "late@example.org", "password": PASSWORD, "display_name": "Late"}
    answers = await asyncio.gather(
        api.client.post("/v1/users", json=registration),
        api.sign_in("late@example.org"),
        api.refresh("01939c4a-0000-7000-8000-000000000000." + "A" * 48),
    )
    assert monotonic() - started < PATIENCE_SECONDS
    for answer in answers:
        assert (answer.status_code, answer.json()["code"]) == (503, "overloaded")
        assert int(answer.headers["retry-after"]) >= 1


async def works(api: School) -> bool:
    """Whether somebody new can come in."""
    email = f"after{monotonic()}@example.org"
    body = {"email": email, "password": PASSWORD, "display_name": "After"}
    answer = await api.client.post("/v1/users", json=body)
    assert answer.status_code in (201, 503)
    return answer.status_code == 201


async def test_a_stopped_database_is_an_overload_until_it_is_back(own_server: EmbeddedPostgres) -> None:
    await make_template(own_server)
    async with cloned_database(own_server, TEMPLATE) as url, school(url) as api:
        ada = await api.person()
        _, channel = await api.course(ada)
        own_server.stop()
        started = monotonic()
        answer = await ada.does("POST", f"/v1/channels/{channel}/messages", {"text": "anyone?"})
        assert (answer.status_code, answer.json()["code"]) == (503, "overloaded")
        await refused(api)
        assert monotonic() - started < 2 * PATIENCE_SECONDS
        ready = await api.client.get("/readyz")
        assert ready.status_code == 503
        assert {missing["name"] for missing in ready.json()["not_ready"]} == {"log", "sessions"}
        own_server.start()
        async with asyncio.timeout(30):
            while not await works(api):
                pass
            while (await api.client.get("/readyz")).status_code != 200:
                pass
        answer = await ada.does("POST", f"/v1/channels/{channel}/messages", {"text": "back"})
        assert answer.status_code == 201


async def test_a_full_queue_is_an_overload(database_url: str) -> None:
    async with school(database_url) as api:
        ada = await api.person()
        _, channel = await api.course(ada)
        appender = api.app.state.api.store.appender
        appender._max_queue = 0
        answer = await ada.does("POST", f"/v1/channels/{channel}/messages", {"text": "one too many"})
        assert (answer.status_code, answer.json()["code"]) == (503, "overloaded")
        appender._max_queue = 1
        answer = await ada.does("POST", f"/v1/channels/{channel}/messages", {"text": "fine"})
        assert answer.status_code == 201


async def test_too_many_sign_ins_are_told_to_slow_down(database_url: str) -> None:
    async with school(database_url) as api:
        email = await api.register()
        answers = [await api.sign_in(email, "wrong password") for _ in range(21)]
        assert [answer.status_code for answer in answers] == [401] * 20 + [429]
        assert answers[-1].json()["code"] == "rate_limited"
        assert "ratelimit" in answers[-1].headers
        other = await api.register()
        assert (await api.sign_in(other)).status_code == 200


async def test_a_full_hashing_pool_is_told_to_slow_down(database_url: str) -> None:
    async with school(database_url, rate_limits="off") as api:
        email = await api.register()
        api.app.state.api.passwords._room = 0
        answer = await api.sign_in(email)
        assert (answer.status_code, answer.json()["code"]) == (429, RateLimited.code)
        assert int(answer.headers["retry-after"]) >= 1
