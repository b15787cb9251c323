"""Channels over HTTP: further ones of a course, conversations of two, how far one has read, and who may not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest_asyncio

from command_api.limits import BEGINNING
from tests.command_api import School, school
from tests.integration.test_commands import code


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def api(shared_database_url: str) -> AsyncIterator[School]:
    async with school(shared_database_url) as running:
        yield running


async def test_a_course_gets_further_channels_from_its_owner_which_can_be_called_otherwise(api: School) -> None:
    owner, member = await api.person(), await api.person()
    course, _ = await api.course(owner)
    assert (await member.does("POST", f"/v1/courses/{course}/enrollments")).status_code == 201
    body = {"name": "homework"}
    opened = await owner.does("POST", f"/v1/courses/{course}/channels", body, Idempotency_Key="once")
    again = await owner.does("POST", f"/v1/courses/{course}/channels", body, Idempotency_Key="once")
    assert opened.status_code == again.status_code == 201
    assert opened.json() == again.json()
    channel = f"/v1/channels/{opened.json()['channel_id']}"
    assert (await member.does("POST", f"{channel}/messages", {"text": "hello"})).json()["seq"] == 2
    assert (await owner.does("PATCH", channel, {"name": "exams"})).json()["channel_id"] == opened.json()["channel_id"]
    for refused in (
        await member.does("POST", f"/v1/courses/{course}/channels", body), await member.does("PATCH", channel, body)
    ):  # fmt: skip
        assert (refused.status_code, code(refused)) == (403, "forbidden")
    nowhere = await owner.does("POST", f"/v1/courses/{owner.user_id}/channels", body)
    assert (nowhere.status_code, code(nowhere)) == (404, "not_found")
    assert (await owner.does("PATCH", channel, {"name": " "})).status_code == 422


async def test_two_people_have_one_conversation_which_nobody_else_hears_of(api: School) -> None:
    ada, bob, eve = await api.person(), await api.person(), await api.person()
    course, _ = await api.course(ada)
    path = f"/v1/courses/{course}/direct-channels"
    stranger = await ada.does("POST", path, {"user_id": bob.user_id})
    assert (stranger.status_code, code(stranger)) == (403, "not_a_member")
    for person in (bob, eve):
        assert (await person.does("POST", f"/v1/courses/{course}/enrollments")).status_code == 201
    begun = await asyncio.gather(
        *(one.does("POST", path, {"user_id": other.user_id}) for one, other in ((ada, bob), (bob, ada)))
    )
    assert sorted(answer.status_code for answer in begun) == [200, 201]
    assert begun[0].json() == begun[1].json()
    assert begun[0].headers["mimo-bookmark"] == begun[1].headers["mimo-bookmark"]
    channel = f"/v1/channels/{begun[0].json()['channel_id']}"
    to_oneself = await ada.does("POST", path, {"user_id": ada.user_id})
    assert (to_oneself.status_code, to_oneself.json()["errors"][0]["pointer"]) == (422, "#/user_id")

    assert (await bob.does("DELETE", f"/v1/courses/{course}/enrollments/me")).status_code == 200
    assert (await bob.does("POST", f"{channel}/messages", {"text": "still here"})).status_code == 201
    assert (await ada.does("PUT", f"{channel}/read", {"number": 1})).json()["number"] == 1
    again = await ada.does("POST", path, {"user_id": bob.user_id})
    assert (again.status_code, again.json()["channel_id"]) == (200, begun[0].json()["channel_id"])
    refused: list[Any] = [
        await eve.does("PUT", f"{channel}/read", {"number": 1}), await eve.does("PATCH", channel, {"name": "ours"}),
        await ada.does("PATCH", channel, {"name": "ours"}),
        await eve.does("POST", f"{channel}/messages", {"text": "hello"}),
    ]  # fmt: skip
    assert {(answer.status_code, code(answer)) for answer in refused} == {(404, "not_found")}


async def test_nobody_writes_to_a_whole_course_at_once(api: School) -> None:
    ada = await api.person()
    course, _ = await api.course(ada)
    path, somebody = f"/v1/courses/{course}/direct-channels", {"user_id": course}
    tried = 0
    while code(answer := await ada.does("POST", path, somebody)) == "not_a_member":
        tried += 1
    assert (answer.status_code, code(answer)) == (429, "rate_limited")
    assert tried >= BEGINNING.at_once
    assert 1 <= int(answer.headers["retry-after"]) <= 60 // BEGINNING.a_minute


async def test_with_the_erased_nobody_begins_to_talk(api: School) -> None:
    ada, bob = await api.person(), await api.person()
    course, _ = await api.course(ada)
    assert (await bob.does("POST", f"/v1/courses/{course}/enrollments")).status_code == 201
    assert (await bob.does("DELETE", "/v1/me")).status_code == 200
    gone = await ada.does("POST", f"/v1/courses/{course}/direct-channels", {"user_id": bob.user_id})
    assert (gone.status_code, code(gone)) == (404, "not_found")


async def test_one_marks_what_was_said_and_nothing_that_was_not(api: School) -> None:
    owner, stranger = await api.person(), await api.person()
    _, channel = await api.course(owner)
    path = f"/v1/channels/{channel}"
    early = await owner.does("PUT", f"{path}/read", {"number": 1})
    assert (early.status_code, code(early)) == (409, "conflict")
    assert (await owner.does("POST", f"{path}/messages", {"text": "first"})).status_code == 201
    marked = await owner.does("PUT", f"{path}/read", {"number": 1})
    assert (marked.status_code, set(marked.json())) == (200, {"channel_id", "number", "position"})
    assert "reading." in marked.headers["mimo-bookmark"]
    refused = await stranger.does("PUT", f"{path}/read", {"number": 1})
    assert (refused.status_code, code(refused)) == (403, "not_a_member")
    nowhere = await owner.does("PUT", f"/v1/channels/{owner.user_id}/read", {"number": 1})
    assert (nowhere.status_code, code(nowhere)) == (404, "not_found")
