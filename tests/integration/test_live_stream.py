"""Live updates as server-sent events: the same events, in the same order, for clients without WebSockets."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import pytest

from query_api.live.listener import SESSION_ENDED
from tests.command_api import Person
from tests.integration.live_client import ANSWER_SECONDS, ASIDE, Listening
from tests.integration.test_live import Talk, here, talk

__all__ = ["here", "talk"]


class Reader:
    """Reads a stream.

    Attributes:
        last_event_id: of the last event that had one.
    """

    def __init__(self, lines: AsyncIterator[str]) -> None:
        self._lines = lines
        self.last_event_id = ""

    async def hears(self, kind: str | None = None) -> dict[str, Any]:
        """The next message of a kind; without one, the next that does not come at any time."""
        async with asyncio.timeout(ANSWER_SECONDS):
            async for line in self._lines:
                name, _, value = line.partition(": ")
                if name == "id":
                    self.last_event_id = value
                if name == "data":
                    told: dict[str, Any] = json.loads(value)
                    if told["type"] == kind or (kind is None and told["type"] not in ASIDE):
                        return told
        raise AssertionError("the stream ended")

    async def events(self, number: int) -> list[dict[str, Any]]:
        """So many events; nothing else may come in between."""
        found = [await self.hears() for _ in range(number)]
        assert {told["type"] for told in found} <= {"event"}, found
        return found


@asynccontextmanager
async def reader(
    here: Listening, person: Person, *channels: str, last_event_id: str = "", **also: bool
) -> AsyncIterator[Reader]:
    headers = {"authorization": f"Bearer {person.access_token}"} | (
        {"last-event-id": last_event_id} if last_event_id else {}
    )
    address = here.address.replace("ws://", "http://")
    async with (
        httpx2.AsyncClient(base_url=address, timeout=ANSWER_SECONDS) as client,
        client.stream("GET", "/v1/live/events", params={"channel": list(channels), **also}, headers=headers) as answer,
    ):
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        yield Reader(answer.aiter_lines())


async def test_a_stream_tells_the_same_and_goes_on_by_its_last_id(here: Listening, talk: Talk) -> None:
    async with reader(here, talk.member, f"{talk.channel_id}:0") as stream:
        assert (await stream.hears())["type"] == "subscribed"
        await talk.says(talk.owner, "one")
        assert [event["seq"] for event in await stream.events(2)] == [1, 2]
        assert stream.last_event_id == f"{talk.channel_id}:2"
    await talk.says(talk.owner, "two")
    again = reader(here, talk.member, f"{talk.channel_id}:0", last_event_id=stream.last_event_id)
    async with again as stream, here.ear_of(talk.owner) as ear:
        assert (await stream.hears())["type"] == "subscribed"
        await ear.subscribes(talk.channel_id, 2)
        await talk.says(talk.owner, "three")
        assert await stream.events(2) == await ear.events(2)


async def test_a_stream_of_several_channels_remembers_each(here: Listening, talk: Talk) -> None:
    course_id, other = await here.commands.course(talk.owner)
    await talk.member.does("POST", f"/v1/courses/{course_id}/enrollments")
    async with reader(here, talk.member, f"{talk.channel_id}:0", f"{other}:0") as stream:
        seen = [await stream.hears() for _ in range(4)]
        assert sorted(told["type"] for told in seen) == ["event", "event", "subscribed", "subscribed"]
        await talk.says(talk.owner, "here only")
        await stream.events(1)
        assert set(stream.last_event_id.split(",")) == {f"{talk.channel_id}:2", f"{other}:1"}


async def test_a_stream_ends_with_its_session(here: Listening, talk: Talk) -> None:
    async with reader(here, talk.member, f"{talk.channel_id}:1") as stream:
        assert (await stream.hears())["type"] == "subscribed"
        await talk.member.does("POST", "/v1/auth/logout")
        told = await stream.hears()
        assert (told["type"], told["code"]) == ("closed", SESSION_ENDED)


async def test_a_stream_says_what_one_may_not_hear(here: Listening, talk: Talk) -> None:
    stranger = await here.commands.person()
    async with reader(here, stranger, f"{talk.channel_id}:1") as stream:
        told = await stream.hears()
        assert (told["type"], told["code"]) == ("refused", "not_a_member")


@pytest.mark.parametrize("channel", ["nobody:1", "01938000-0000-7000-8000-000000000004", "01938000:-1", ""])
async def test_a_stream_of_nonsense_is_refused(here: Listening, talk: Talk, channel: str) -> None:
    address = here.address.replace("ws://", "http://")
    headers = {"authorization": f"Bearer {talk.member.access_token}"}
    async with httpx2.AsyncClient(base_url=address) as client:
        answer = await client.get("/v1/live/events", params={"channel": channel}, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
        assert (await client.get("/v1/live/events", params={"channel": channel})).status_code == 401
