"""Live updates about people, also between processes: who is in a room, who types, and what changed about oneself."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import asyncpg
import pytest_asyncio

from events.messages import direct_channel_id
from tests.command_api import Person
from tests.integration.live_client import ANSWER_SECONDS, Ear, Listening, another
from tests.integration.test_live import END_QUERY_API, Talk, here, talk
from tests.integration.test_live_stream import reader

__all__ = ["here", "talk"]


@pytest_asyncio.fixture(loop_scope="session")
async def there(here: Listening) -> AsyncIterator[Listening]:
    """Another process of the query API."""
    async with another(here.commands) as found:
        yield found


async def comes(ear: Ear, talk: Talk, **also: Any) -> None:
    """Joins after the channel's first event."""
    assert (await ear.subscribes(talk.channel_id, 1, **also))["type"] == "subscribed"


async def sees(ear: Ear, *people: Person) -> None:
    """Is told who is here until these are, and no others; what it is told follows on from what it was told before."""
    wanted = {person.user_id for person in people}
    async with asyncio.timeout(ANSWER_SECONDS):
        while True:
            told = await ear.hears("presence")
            if "here" in told:
                ear.here = set(told["here"])
            else:
                assert not ear.here & set(told["came"])
                assert set(told["went"]) <= ear.here
                ear.here = (ear.here | set(told["came"])) - set(told["went"])
            assert told["count"] == len(ear.here)
            if ear.here == wanted:
                return


async def test_who_is_typing_is_told_to_the_others_in_every_process(
    here: Listening, there: Listening, talk: Talk
) -> None:
    async with here.ear_of(talk.owner) as owner, there.ear_of(talk.owner) as away, here.ear_of(talk.member) as member:
        for ear in (owner, away, member):
            await comes(ear, talk)
        await member.says(type="typing", channel_id=talk.channel_id)
        await member.says(type="typing", channel_id=talk.channel_id)  # too soon
        told = {"type": "typing", "channel_id": talk.channel_id, "user_id": talk.member.user_id}
        for ear in (owner, away):
            assert await ear.hears("typing") == told
        await owner.says(type="typing", channel_id=talk.channel_id)
        assert (await member.hears("typing"))["user_id"] == talk.owner.user_id
        await talk.says(talk.member, "at last")
        assert (await owner.told())["type"] == "event", "neither twice, nor one's own"


async def test_who_has_not_joined_cannot_type(here: Listening, talk: Talk) -> None:
    stranger = await here.commands.person()
    async with here.ear_of(talk.owner) as owner, here.ear_of(stranger) as outside, here.ear_of(talk.member) as member:
        await comes(owner, talk)
        for ear in (outside, member):
            await ear.says(type="typing", channel_id=talk.channel_id)
            await ear.says(type="unsubscribe", channel_id=talk.channel_id)
        assert (await outside.subscribes(talk.channel_id))["code"] == "not_a_member", "what it said before was taken"
        await comes(member, talk)
        await member.says(type="typing", channel_id=talk.channel_id)
        assert (await owner.hears("typing"))["user_id"] == talk.member.user_id


async def test_who_is_here_is_told_to_those_who_asked_across_processes(
    here: Listening, there: Listening, talk: Talk, database_url: str
) -> None:
    async with here.ear_of(talk.owner) as owner, here.ear_of(talk.owner) as careless:
        await comes(owner, talk, presence=True)
        await sees(owner, talk.owner)
        await comes(careless, talk)
        async with there.ear_of(talk.member) as member, there.ear_of(talk.member) as twice:
            await comes(member, talk, presence=True)
            await sees(owner, talk.owner, talk.member)
            await sees(member, talk.owner, talk.member)
            await comes(twice, talk)
            connection = await asyncpg.connect(database_url)
            await connection.execute(END_QUERY_API)  # what was told meanwhile is asked for
            await connection.close()
            await member.socket.close()
            async with here.ear_of(talk.member) as third:
                await comes(third, talk)
            await twice.socket.close()
            await sees(owner, talk.owner)
        await talk.says(talk.owner, "alone again")
        assert (await careless.told())["type"] == "event", "who has not asked is not told"


async def test_who_leaves_the_course_and_whose_process_ends_is_gone(here: Listening, talk: Talk) -> None:
    third = await here.commands.person()
    await third.does("POST", f"/v1/courses/{talk.course_id}/enrollments")
    async with here.ear_of(talk.owner) as owner:
        await comes(owner, talk, presence=True)
        async with (
            another(here.commands) as there,
            there.ear_of(talk.member) as member,
            there.ear_of(third) as visitor,
        ):
            for ear in (member, visitor):
                await comes(ear, talk)
            await sees(owner, talk.owner, talk.member, third)
            await talk.member.does("DELETE", f"/v1/courses/{talk.course_id}/enrollments/me")
            await sees(owner, talk.owner, third)
            async with another(here.commands) as late, late.ear_of(talk.owner) as newcomer:
                await comes(newcomer, talk, presence=True)
                await sees(newcomer, talk.owner, third)
        await sees(owner, talk.owner)


async def test_a_stream_tells_who_is_here_and_who_is_typing(here: Listening, talk: Talk) -> None:
    async with (
        reader(here, talk.member, f"{talk.channel_id}:1", presence=True) as stream,
        here.ear_of(talk.owner) as owner,
    ):
        assert await stream.hears("presence") == {
            "type": "presence", "channel_id": talk.channel_id, "here": [talk.member.user_id], "count": 1,
        }  # fmt: skip
        await comes(owner, talk)
        assert (await stream.hears("presence"))["came"] == [talk.owner.user_id]
        await owner.says(type="typing", channel_id=talk.channel_id)
        assert (await stream.hears("typing"))["user_id"] == talk.owner.user_id


async def test_what_changes_about_somebody_is_hinted_at_on_every_device_of_theirs(
    here: Listening, there: Listening, talk: Talk
) -> None:
    course_id, _ = await here.commands.course(talk.owner)
    async with here.ear_of(talk.member) as ear, there.ear_of(talk.member) as other, here.ear_of(talk.owner) as owner:
        await comes(ear, talk)
        await comes(owner, talk)

        async def hinted(event: str, *ears: Ear, **data: str) -> None:
            for one in ears:
                while (told := await one.hears("yours"))["event"] != event or not data.items() <= told["data"].items():
                    pass  # what happened before we came

        await talk.member.does("POST", f"/v1/courses/{course_id}/enrollments")
        await hinted("Enrolled", ear, other, course_id=course_id, user_id=talk.member.user_id)
        await talk.member.does("PUT", f"/v1/channels/{talk.channel_id}/read", {"number": 0})
        await talk.says(talk.owner, "news")
        await talk.member.does("PUT", f"/v1/channels/{talk.channel_id}/read", {"number": 1})
        await hinted("ChannelRead", ear, other, channel_id=talk.channel_id, user_id=talk.member.user_id)
        opened = await talk.owner.does("POST", f"/v1/courses/{talk.course_id}/channels", {"name": "homework"})
        assert opened.status_code == 201, opened.text
        await hinted("ChannelOpened", ear, owner, channel_id=opened.json()["channel_id"])
        body = {"user_id": talk.member.user_id}
        direct = await talk.owner.does("POST", f"/v1/courses/{talk.course_id}/direct-channels", body)
        assert direct.status_code == 201, direct.text
        await hinted("DirectChannelOpened", ear, other, owner, channel_id=direct.json()["channel_id"])
        await talk.member.does("DELETE", f"/v1/courses/{course_id}/enrollments/me")
        await hinted("Unenrolled", ear, other, course_id=course_id)


async def test_only_the_two_hear_what_they_say_to_each_other(here: Listening, talk: Talk) -> None:
    stranger = await here.commands.person()
    await stranger.does("POST", f"/v1/courses/{talk.course_id}/enrollments")
    body = {"user_id": talk.member.user_id}
    await talk.owner.does("POST", f"/v1/courses/{talk.course_id}/direct-channels", body)
    channel_id = direct_channel_id(UUID(talk.owner.user_id), UUID(talk.member.user_id))
    private = Talk(talk.course_id, str(channel_id), talk.owner, talk.member)
    async with here.ear_of(talk.member) as member, here.ear_of(stranger) as outside:
        assert (await member.subscribes(private.channel_id))["type"] == "subscribed"
        assert (await member.hears())["event"] == "DirectChannelOpened"
        assert (await outside.subscribes(private.channel_id))["code"] == "not_found"
        await talk.member.does("DELETE", f"/v1/courses/{talk.course_id}/enrollments/me")
        await private.says(talk.owner, "still friends?")
        assert (await member.events(1))[0]["data"]["text"] == "still friends?"
