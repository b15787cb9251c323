"""Nobody floods a channel: who sends, edits, reacts or reports too fast is told when to go on, and nobody else is."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx2
import pytest_asyncio

from command_api.limits import REACTING, REPORTING, SPEAKING
from infra.web.limits import Pace
from tests.command_api import Person, School, school


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def api(shared_database_url: str) -> AsyncIterator[School]:
    async with school(shared_database_url) as running:
        running.app.state.api.limits._clock = lambda: 0.0  # a busy machine gives nobody a second chance
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def place(api: School) -> tuple[Person, Person, str]:
    """The owner and a member of a course, and its channel's path for messages."""
    owner, member = await api.person(), await api.person()
    course, channel = await api.course(owner)
    assert (await member.does("POST", f"/v1/courses/{course}/enrollments")).status_code == 201
    return owner, member, f"/v1/channels/{channel}/messages"


def ensure_told(answer: httpx2.Response, pace: Pace) -> None:
    """Fails unless somebody was told that they are too fast, and when to go on."""
    assert (answer.status_code, answer.json()["code"]) == (429, "rate_limited")
    assert int(answer.headers["retry-after"]) >= 1
    assert answer.headers["ratelimit-policy"] == f'"{pace.name}";q={pace.a_minute};w=60'
    assert answer.headers["ratelimit"].startswith(f'"{pace.name}";r=0;t=')


async def test_who_sends_and_edits_too_fast_is_held_back_and_nobody_else(place: tuple[Person, Person, str]) -> None:
    owner, member, path = place
    sent = [await member.does("POST", path, {"text": "a flood"}) for _ in range(SPEAKING.at_once - 1)]
    assert {answer.status_code for answer in sent} == {201}
    message = f"{path}/{sent[-1].json()['message_id']}"
    assert (await member.does("PATCH", message, {"text": "the last drop"})).status_code == 200
    ensure_told(await member.does("POST", path, {"text": "one more"}), SPEAKING)
    ensure_told(await member.does("PATCH", message, {"text": "one more"}), SPEAKING)
    assert (await owner.does("POST", path, {"text": "somebody else"})).status_code == 201
    assert (await member.does("DELETE", message)).status_code == 200, "what was said can be taken back"


async def test_reacting_and_reporting_have_paces_of_their_own(place: tuple[Person, Person, str]) -> None:
    owner, member, path = place
    message = f"{path}/{(await owner.does('POST', path, {'text': 'look'})).json()['message_id']}"
    for number in range(REACTING.at_once):
        method = "DELETE" if number % 2 else "PUT"
        assert (await member.does(method, f"{message}/reactions/👍")).status_code == 200
    ensure_told(await member.does("PUT", f"{message}/reactions/👍"), REACTING)
    for _ in range(REPORTING.at_once):
        assert (await member.does("POST", f"{message}/reports", {"reason": "spam"})).status_code in (200, 201)
    ensure_told(await member.does("POST", f"{message}/reports", {"reason": "spam"}), REPORTING)
    assert (await member.does("POST", path, {"text": "still here"})).status_code == 201
