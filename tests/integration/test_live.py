"""Live updates: every event of a channel once and in order, to members only, for as long as they may listen."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace

import asyncpg
import pytest
import pytest_asyncio
import websockets

from infra.tokens import issuing_tokens
from infra.web.sockets import SLOW
from query_api.live.listener import (
    HISTORY_CHANGED,
    NOT_SIGNED_IN,
    NOT_UNDERSTOOD,
    SESSION_ENDED,
    TOKEN_EXPIRED,
    TOO_MANY,
)
from query_api.live.live import MAX_CONNECTIONS_OF_ONE
from query_api.live.rooms import MAX_RESUMED_EVENTS
from tests.command_api import Person
from tests.integration.live_client import Listening, listening

END_QUERY_API = """
    select pg_terminate_backend(pid) from pg_stat_activity
    where datname = current_database() and application_name = 'mimo-query'"""


@pytest_asyncio.fixture(loop_scope="session")
async def here(database_url: str) -> AsyncIterator[Listening]:
    async with listening(database_url) as found:
        yield found


class Talk:
    """A course with a channel, its owner and one member."""

    def __init__(self, course_id: str, channel_id: str, owner: Person, member: Person) -> None:
        self.course_id, self.channel_id, self.owner, self.member = course_id, channel_id, owner, member

    async def says(self, person: Person, text: str) -> dict[str, str]:
        answer = await person.does("POST", f"/v1/channels/{self.channel_id}/messages", {"text": text})
        assert answer.status_code == 201, answer.text
        said: dict[str, str] = answer.json()
        return said


@pytest_asyncio.fixture(loop_scope="session")
async def talk(here: Listening) -> Talk:
    owner, member = await here.commands.person(), await here.commands.person()
    course_id, channel_id = await here.commands.course(owner)
    answer = await member.does("POST", f"/v1/courses/{course_id}/enrollments")
    assert answer.status_code == 201, answer.text
    return Talk(course_id, channel_id, owner, member)


async def test_what_is_said_is_heard_by_every_member_once_and_in_order(here: Listening, talk: Talk) -> None:
    async with here.ear_of(talk.owner) as owner, here.ear_of(talk.member) as member:
        for ear in (owner, member):
            assert await ear.subscribes(talk.channel_id) == {
                "type": "subscribed", "channel_id": talk.channel_id, "after_seq": 0,
            }  # fmt: skip
            assert (await ear.hears())["event"] == "ChannelOpened"
        said = [await talk.says(person, f"{n}") for n in range(10) for person in (talk.owner, talk.member)]
        for ear in (owner, member):
            events = await ear.events(20)
            assert [event["seq"] for event in events] == list(range(2, 22))
            assert [event["id"] for event in events] == [one["message_id"] for one in said]
            assert [event["data"]["text"] for event in events] == [f"{n}" for n in range(10) for _ in range(2)]


async def test_who_comes_back_goes_on_where_it_was(here: Listening, talk: Talk) -> None:
    async with here.ear_of(talk.member) as ear:
        await ear.subscribes(talk.channel_id)
        await talk.says(talk.owner, "first")
        assert [event["seq"] for event in await ear.events(2)] == [1, 2]
    for n in range(5):
        await talk.says(talk.owner, f"meanwhile {n}")
    async with here.ear_of(talk.member) as ear:
        await ear.subscribes(talk.channel_id, 2)
        await talk.says(talk.owner, "again")
        assert [event["seq"] for event in await ear.events(6)] == [3, 4, 5, 6, 7, 8]


async def test_joining_while_others_talk_leaves_no_gap_and_no_double(here: Listening, talk: Talk) -> None:
    last = 151

    async def talker() -> None:
        for n in range(last - 1):
            await talk.says(talk.owner, f"{n}")

    async def listener(after: int) -> None:
        """Comes when so much was said, three times from the beginning, and stays the last time."""
        async with here.ear_of(talk.member) as ear:
            while reference.seqs.get(talk.channel_id, [0])[-1] < after:
                await asyncio.wait_for(heard.wait(), 30)
            for _ in range(3):
                ear.seqs.clear()
                assert (await ear.subscribes(talk.channel_id))["type"] == "subscribed"
                await ear.events(after)
                await ear.says(type="unsubscribe", channel_id=talk.channel_id)
                await ear.until("ended")
                seqs = ear.seqs[talk.channel_id]
                assert seqs == list(range(1, len(seqs) + 1))
            await ear.subscribes(talk.channel_id, seqs[-1])
            await ear.until_seq(talk.channel_id, last)
            assert ear.seqs[talk.channel_id] == list(range(1, last + 1))

    heard = asyncio.Event()
    async with here.ear_of(talk.owner) as reference:
        await reference.subscribes(talk.channel_id)

        async def keeps_count() -> None:
            while reference.seqs.get(talk.channel_id, [0])[-1] < last:
                await reference.hears()
                heard.set()
                heard.clear()

        await asyncio.gather(keeps_count(), talker(), *(listener(10 * number) for number in range(1, 13)))


async def test_who_is_too_far_behind_or_ahead_is_sent_to_the_messages(here: Listening, talk: Talk) -> None:
    for n in range(MAX_RESUMED_EVENTS):
        await talk.says(talk.owner, f"{n}")
    last = MAX_RESUMED_EVENTS + 1
    async with here.ear_of(talk.member) as ear:
        for after in (0, last + 1):
            told = await ear.subscribes(talk.channel_id, after)
            assert told == {"type": "reset", "channel_id": talk.channel_id, "last_seq": last}
        assert (await ear.subscribes(talk.channel_id, 1))["type"] == "subscribed"
        assert [event["seq"] for event in await ear.events(MAX_RESUMED_EVENTS)] == list(range(2, last + 1))


async def test_only_members_hear_anything(here: Listening, talk: Talk) -> None:
    stranger = await here.commands.person()
    async with here.ear_of(stranger) as ear:
        told = await ear.subscribes(talk.channel_id)
        assert (told["type"], told["code"]) == ("refused", "not_a_member")
        told = await ear.subscribes("01938000-0000-7000-8000-000000000004")
        assert (told["type"], told["code"]) == ("refused", "not_found")
        await stranger.does("POST", f"/v1/courses/{talk.course_id}/enrollments")
        assert (await ear.subscribes(talk.channel_id))["type"] == "subscribed"


async def test_who_leaves_a_course_hears_nothing_from_then_on(here: Listening, talk: Talk) -> None:
    async with here.ear_of(talk.member) as gone, here.ear_of(talk.owner) as stays:
        for ear in (gone, stays):
            await ear.subscribes(talk.channel_id, 1)
        await talk.says(talk.owner, "for both")
        assert (await talk.member.does("DELETE", f"/v1/courses/{talk.course_id}/enrollments/me")).status_code == 200
        await talk.says(talk.owner, "for those who stay")
        assert [event["data"]["text"] for event in await stays.events(2)] == ["for both", "for those who stay"]
        assert [event["data"]["text"] for event in await gone.events(1)] == ["for both"]
        assert await gone.hears() == {"type": "ended", "channel_id": talk.channel_id, "reason": "not_a_member"}
        assert (await gone.subscribes(talk.channel_id, 2))["code"] == "not_a_member"


async def test_the_end_of_a_session_closes_its_connections_and_no_others(here: Listening, talk: Talk) -> None:
    other = await here.commands.person_of(talk.member.email)
    async with here.ear_of(talk.member) as ended, here.ear_of(other) as goes_on:
        await goes_on.subscribes(talk.channel_id, 1)
        assert (await talk.member.does("POST", "/v1/auth/logout")).status_code == 200
        assert (await ended.closed())[0] == SESSION_ENDED
        await talk.says(talk.owner, "still there?")
        assert (await goes_on.events(1))[0]["data"]["text"] == "still there?"


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ('{"type":"auth","token":"nonsense"}', NOT_SIGNED_IN),
        ('{"type":"subscribe","channel_id":"01938000-0000-7000-8000-000000000004","after_seq":0}', NOT_SIGNED_IN),
        ('{"type":"ping"}', NOT_UNDERSTOOD),
        ("no json", NOT_UNDERSTOOD),
        ('{"type":"auth","token":"\\ud800"}', NOT_UNDERSTOOD),
        (b"bytes", NOT_UNDERSTOOD),
    ],
)
async def test_who_does_not_say_who_it_is_is_sent_away(here: Listening, said: str | bytes, code: int) -> None:
    async with here.stranger() as ear:
        await ear.socket.send(said)
        assert (await ear.closed())[0] == code


@pytest.mark.parametrize(
    "said",
    [
        '{"type":"subscribe","channel_id":"nobody","after_seq":0}',
        '{"type":"subscribe","channel_id":"01938000-0000-7000-8000-000000000004","after_seq":-1}',
        '{"type":"subscribe","channel_id":"01938000-0000-7000-8000-000000000004","after_seq":0,"more":1}',
        "[]",
    ],
)
async def test_nonsense_ends_a_connection_with_the_reason(here: Listening, talk: Talk, said: str) -> None:
    async with here.ear_of(talk.member) as ear:
        await ear.socket.send(said)
        code, reason = await ear.closed()
        assert code == NOT_UNDERSTOOD
        assert reason


async def test_pages_of_others_cannot_connect(here: Listening) -> None:
    with pytest.raises(websockets.InvalidStatus) as refused:
        async with here.stranger(origin="https://evil.example"):
            pass
    assert refused.value.response.status_code == 403
    own = here.address.replace("ws://", "http://")
    async with here.stranger(origin=own) as ear:
        await ear.says(type="auth", token="")
        assert (await ear.closed())[0] == NOT_SIGNED_IN


async def test_a_token_is_renewed_on_the_same_connection_by_the_same_person(here: Listening, talk: Talk) -> None:
    fresh = await here.commands.person_of(talk.member.email)
    async with here.ear_of(talk.member) as ear:
        await ear.says(type="auth", token=fresh.access_token)
        assert (await ear.hears())["type"] == "ready"
        await talk.member.does("POST", "/v1/auth/logout")
        assert (await ear.subscribes(talk.channel_id))["type"] == "subscribed"
        await ear.says(type="auth", token=talk.owner.access_token)
        assert (await ear.closed())[0] == NOT_SIGNED_IN


async def test_an_expired_token_ends_the_connection(here: Listening, talk: Talk) -> None:
    claims = here.commands.app.state.api.tokens.verify(talk.member.access_token)
    soon = here.commands.settings.model_copy(update={"access_token_seconds": 2})
    token = issuing_tokens(soon, here.commands.secrets).issue(claims.user_id, claims.session_id, [])
    async with here.ear_of(replace(talk.member, access_token=token)) as ear:
        assert (await ear.closed())[0] == TOKEN_EXPIRED


async def test_one_person_has_a_bounded_number_of_connections(here: Listening, talk: Talk) -> None:
    async with AsyncExitStack() as open_ones:
        for _ in range(MAX_CONNECTIONS_OF_ONE):
            await open_ones.enter_async_context(here.ear_of(talk.member))
        async with here.ear_of(talk.member) as ear:
            assert (await ear.closed())[0] == TOO_MANY
        async with here.ear_of(talk.owner) as ear:
            assert (await ear.subscribes(talk.channel_id))["type"] == "subscribed"


async def test_what_was_deleted_is_not_told_to_who_comes_later(here: Listening, talk: Talk) -> None:
    path = f"/v1/channels/{talk.channel_id}/messages"
    async with here.ear_of(talk.owner) as owner:
        await owner.subscribes(talk.channel_id)
        said = await talk.says(talk.member, "a secret")
        await talk.member.does("PATCH", f"{path}/{said['message_id']}", {"text": "another secret"})
        await talk.says(talk.owner, "no secret")
        await talk.owner.does("DELETE", f"{path}/{said['message_id']}")
        assert [event["data"].get("text") for event in await owner.events(5)] == [
            None, "a secret", "another secret", "no secret", None,
        ]  # fmt: skip
        async with here.ear_of(talk.member) as late:  # the room is open
            await late.subscribes(talk.channel_id)
            assert [event["data"].get("text") for event in await late.events(5)] == [
                None,
                None,
                None,
                "no secret",
                None,
            ]
    async with here.ear_of(talk.member) as later:  # it is opened anew
        await later.subscribes(talk.channel_id)
        assert [event["data"].get("text") for event in await later.events(5)] == [None, None, None, "no secret", None]


async def test_nothing_of_the_erased_is_told_to_who_comes_later(here: Listening, talk: Talk) -> None:
    async with here.ear_of(talk.owner) as owner:
        await owner.subscribes(talk.channel_id, 1)
        await talk.says(talk.member, "mine")
        assert (await owner.events(1))[0]["data"]["text"] == "mine"
        async with here.ear_of(talk.member) as erased:
            assert (await talk.member.does("DELETE", "/v1/me")).status_code == 200
            assert (await erased.closed())[0] == SESSION_ENDED  # so this process knows it
        async with here.ear_of(talk.owner) as late:
            await late.subscribes(talk.channel_id, 1)
            assert (await late.events(1))[0]["data"]["text"] is None


async def test_who_does_not_read_is_cut_off_and_holds_nobody_up(here: Listening, talk: Talk) -> None:
    text = "x" * 4_000
    async with here.ear_of(talk.member, max_queue=1) as frozen, here.ear_of(talk.owner) as reader:
        for ear in (frozen, reader):
            await ear.subscribes(talk.channel_id, 1)
        frozen.socket.transport.pause_reading()
        last = 1
        while here.live.connections > 1:
            last = int((await talk.says(talk.owner, text))["seq"])
        await reader.until_seq(talk.channel_id, last)
        assert reader.seqs[talk.channel_id] == list(range(2, last + 1))
        frozen.socket.transport.resume_reading()
        assert (await frozen.closed())[0] == SLOW
        after = frozen.seqs[talk.channel_id][-1]
        assert frozen.seqs[talk.channel_id] == list(range(2, after + 1))
    async with here.ear_of(talk.member) as again:
        await again.subscribes(talk.channel_id, after)
        await again.until_seq(talk.channel_id, last)
        assert again.seqs[talk.channel_id] == list(range(after + 1, last + 1))


async def test_a_lost_feed_goes_on_where_it_was(here: Listening, talk: Talk, database_url: str) -> None:
    async with here.ear_of(talk.member) as ear:
        await ear.subscribes(talk.channel_id, 1)
        for n in range(5):
            await talk.says(talk.owner, f"{n}")
            connection = await asyncpg.connect(database_url)
            await connection.execute(END_QUERY_API)
            await connection.close()
        assert [event["seq"] for event in await ear.events(5)] == [2, 3, 4, 5, 6]


async def test_another_history_ends_every_connection(here: Listening, talk: Talk, database_url: str) -> None:
    async with here.ear_of(talk.member) as ear:
        await ear.subscribes(talk.channel_id, 1)
        connection = await asyncpg.connect(database_url)
        await connection.execute("update log.installation set log_id = gen_random_uuid()")
        await connection.execute(END_QUERY_API)
        await connection.close()
        assert (await ear.closed())[0] == HISTORY_CHANGED
