"""Mutes and reports over HTTP: who may, whom it concerns, and a mute that ends by itself."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx2
import pytest_asyncio

from events.moderation import MemberMuted
from events.ports import Append, NewEvent
from events.users import RoleGranted
from infra.ids import new_id
from tests.command_api import Person, School, school
from tests.integration.log_commands import META
from tests.integration.test_commands import code


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def api(shared_database_url: str) -> AsyncIterator[School]:
    async with school(shared_database_url) as running:
        yield running


async def admin(api: School) -> Person:
    """Somebody new who is an admin."""
    person = await api.person()
    granted = RoleGranted(user_id=UUID(person.user_id), role="admin")
    await api.app.state.api.store.append(Append((NewEvent(new_id(), granted),), META))
    return await api.person_of(person.email)


async def members(api: School, course: str, count: int) -> list[Person]:
    """Some people who are in a course."""
    people = [await api.person() for _ in range(count)]
    for person in people:
        assert (await person.does("POST", f"/v1/courses/{course}/enrollments")).status_code == 201
    return people


async def says(person: Person, channel: str, text: str = "hello") -> httpx2.Response:
    return await person.does("POST", f"/v1/channels/{channel}/messages", {"text": text})


async def over(api: School, course: str, person: Person, owner: Person) -> None:
    """Somebody is muted, but the time was up an hour ago."""
    muted = MemberMuted(
        course_id=UUID(course), user_id=UUID(person.user_id), muted_by=UUID(owner.user_id),
        until=datetime.now(UTC) - timedelta(hours=1),
    )  # fmt: skip
    await api.app.state.api.store.append(Append((NewEvent(new_id(), muted),), META))


async def mutes(api: School, course: str) -> list[str]:
    """What happened in a course's stream of mutes."""
    return [event.type for event in await api.app.state.api.store.read_stream(f"mutes-{course}")]


async def test_a_muted_member_only_reads_until_somebody_unmutes_them(api: School) -> None:
    owner = await api.person()
    course, channel = await api.course(owner)
    _, elsewhere = await api.course(owner)
    (loud,) = await members(api, course, 1)
    path = f"/v1/channels/{channel}/messages"
    first = (await says(loud, channel)).json()["message_id"]
    body = {"user_id": loud.user_id, "minutes": 10}
    muted = await owner.does("POST", f"/v1/courses/{course}/mutes", body, Idempotency_Key="mute")
    again = await owner.does("POST", f"/v1/courses/{course}/mutes", body, Idempotency_Key="mute")
    assert muted.status_code == again.status_code == 201
    assert (again.json(), again.headers["idempotency-replayed"]) == (muted.json(), "true")
    until = muted.json()["until"]

    for refused in (
        await says(loud, channel),
        await loud.does("PATCH", f"{path}/{first}", {"text": "louder"}),
        await loud.does("PUT", f"{path}/{first}/reactions/👍"),
    ):
        assert (refused.status_code, refused.json()["code"], refused.json()["until"]) == (403, "muted", until)
        assert refused.json()["detail"] == f"You are muted in this course until {until}."
        assert 0 < int(refused.headers["retry-after"]) <= 600
    assert (await loud.does("DELETE", f"{path}/{first}")).status_code == 200
    assert (await says(owner, channel)).status_code == 201
    assert code(await says(loud, elsewhere)) == "not_a_member"

    own = f"/v1/courses/{course}/enrollments"
    assert (await loud.does("DELETE", f"{own}/me")).status_code == 200
    assert (await loud.does("POST", own)).status_code == 201
    assert (await says(loud, channel)).json()["until"] == until

    unmuting = f"/v1/courses/{course}/mutes/{loud.user_id}"
    assert code(await loud.does("DELETE", unmuting)) == "forbidden"
    assert (await owner.does("DELETE", unmuting)).json()["user_id"] == loud.user_id
    assert (await says(loud, channel)).status_code == 201
    assert code(await owner.does("DELETE", unmuting)) == "not_found"


async def test_who_is_muted_already_gets_the_new_end(api: School) -> None:
    owner, boss = await api.person(), await admin(api)
    course, channel = await api.course(owner)
    (loud,) = await members(api, course, 1)
    path = f"/v1/courses/{course}/mutes"
    ends = []
    for who, minutes in ((owner, 10), (boss, 43_200), (owner, 1)):
        answer = await who.does("POST", path, {"user_id": loud.user_id, "minutes": minutes})
        ends.append(answer.json()["until"])
        assert (await says(loud, channel)).json()["until"] == ends[-1]
    assert ends[2] < ends[0] < ends[1]
    assert await mutes(api, course) == ["MemberMuted"] + 2 * ["MemberUnmuted", "MemberMuted"]
    body = {"user_id": loud.user_id, "minutes": 5}
    at_once = await asyncio.gather(*(owner.does("POST", path, body) for _ in range(4)))
    assert {answer.status_code for answer in at_once} == {201}
    assert (await mutes(api, course))[-2:] == ["MemberUnmuted", "MemberMuted"]


async def test_only_moderators_mute_and_only_members_are_muted(api: School) -> None:
    owner, boss, stranger = await api.person(), await admin(api), await api.person()
    course, _ = await api.course(owner)
    one, two = await members(api, course, 2)
    path = f"/v1/courses/{course}/mutes"
    for who, whom, expected in (
        (one, two, "forbidden"), (stranger, one, "forbidden"), (owner, owner, "forbidden"), (boss, owner, "forbidden"),
        (boss, boss, "forbidden"), (owner, stranger, "not_a_member"),
    ):  # fmt: skip
        assert code(await who.does("POST", path, {"user_id": whom.user_id, "minutes": 5})) == expected
    body = {"user_id": one.user_id, "minutes": 5}
    assert code(await owner.does("POST", f"/v1/courses/{uuid4()}/mutes", body)) == "not_found"
    for minutes in (0, 43_201, True, "5"):
        assert code(await owner.does("POST", path, body | {"minutes": minutes})) == "invalid_request"
    assert await mutes(api, course) == []


async def test_a_mute_ends_by_itself_at_the_next_word(api: School) -> None:
    owner = await api.person()
    course, channel = await api.course(owner)
    loud, other = await members(api, course, 2)
    sent = (await says(loud, channel)).json()["message_id"]
    await over(api, course, loud, owner)
    await over(api, course, other, owner)
    answers = await asyncio.gather(*(says(loud, channel) for _ in range(6)))
    assert {answer.status_code for answer in answers} == {201}
    stream = await api.app.state.api.store.read_stream(f"mutes-{course}")
    assert [event.type for event in stream] == ["MemberMuted", "MemberMuted", "MemberUnmuted"]
    assert '"unmuted_by":null' in stream[-1].data
    assert f'"user:{loud.user_id}"' in stream[-1].meta
    await over(api, course, loud, owner)
    edited = await loud.does("PATCH", f"/v1/channels/{channel}/messages/{sent}", {"text": "softer"})
    assert edited.status_code == 200
    assert (await mutes(api, course))[-2:] == ["MemberMuted", "MemberUnmuted"]


async def test_a_class_that_was_muted_together_speaks_at_once(api: School) -> None:
    owner = await api.person()
    course, channel = await api.course(owner)
    people = await members(api, course, 10)
    for person in people:
        await over(api, course, person, owner)
    answers = await asyncio.gather(*(says(person, channel) for person in people))
    assert {answer.status_code for answer in answers} == {201}
    assert (await mutes(api, course)).count("MemberUnmuted") == len(people)


async def test_a_newer_mute_is_never_ended_by_mistake(api: School) -> None:
    """Whoever finds that a mute is over races somebody who mutes anew."""
    owner = await api.person()
    course, channel = await api.course(owner)
    for loud in await members(api, course, 5):
        await over(api, course, loud, owner)
        body = {"user_id": loud.user_id, "minutes": 5}
        *answers, muted = await asyncio.gather(
            *(says(loud, channel) for _ in range(4)), owner.does("POST", f"/v1/courses/{course}/mutes", body)
        )
        assert muted.status_code == 201
        for answer in answers:
            assert answer.status_code == 201 or answer.json()["until"] == muted.json()["until"]
        assert (await says(loud, channel)).json()["until"] == muted.json()["until"]


async def reports(person: Person, channel: str, message: str, reason: str = "spam") -> httpx2.Response:
    return await person.does("POST", f"/v1/channels/{channel}/messages/{message}/reports", {"reason": reason})


async def resolves(person: Person, channel: str, report: str) -> httpx2.Response:
    path = f"/v1/channels/{channel}/reports/{report}/resolve"
    return await person.does("POST", path, {"outcome": "removed"})


async def test_a_message_is_reported_once_by_each_and_resolved_once(api: School) -> None:
    owner, boss, stranger = await api.person(), await admin(api), await api.person()
    course, channel = await api.course(owner)
    _, elsewhere = await api.course(stranger)
    one, two, three = await members(api, course, 3)
    message = (await says(one, channel)).json()["message_id"]
    first = await reports(two, channel, message)
    assert first.status_code == 201
    again = await reports(two, channel, message, "abuse")
    assert (again.status_code, again.json()) == (200, first.json())
    assert again.headers["mimo-bookmark"] == first.headers["mimo-bookmark"]
    assert code(await reports(one, channel, message)) == "forbidden"
    assert code(await reports(stranger, channel, message)) == "not_a_member"
    assert code(await reports(stranger, elsewhere, message)) == "not_found"
    assert code(await reports(two, channel, str(uuid4()))) == "not_found"
    assert code(await reports(three, channel, message, "boring")) == "invalid_request"
    await one.does("DELETE", f"/v1/channels/{channel}/messages/{message}")
    late = await reports(three, channel, message)
    assert late.status_code == 201
    assert late.json()["report_id"] != first.json()["report_id"]

    report = first.json()["report_id"]
    assert code(await resolves(one, channel, report)) == "forbidden"
    assert code(await resolves(stranger, elsewhere, report)) == "not_found"
    assert (await resolves(owner, channel, report)).json()["report_id"] == report
    assert code(await resolves(owner, channel, report)) == "not_found"
    assert (await resolves(boss, channel, late.json()["report_id"])).status_code == 200
    assert (await reports(two, channel, message)).json()["report_id"] == report


async def test_what_was_said_between_two_is_reported_to_admins(api: School) -> None:
    owner, boss = await api.person(), await admin(api)
    course, _ = await api.course(owner)
    ada, bob = await members(api, course, 2)
    opened = await ada.does("POST", f"/v1/courses/{course}/direct-channels", {"user_id": bob.user_id})
    channel = opened.json()["channel_id"]
    message = (await says(ada, channel)).json()["message_id"]
    assert code(await reports(owner, channel, message)) == "not_found"
    repeated: list[Any] = [
        await bob.does("POST", f"/v1/channels/{channel}/messages/{message}/reports", {"reason": "abuse"},
                       Idempotency_Key="report") for _ in range(2)
    ]  # fmt: skip
    assert [answer.status_code for answer in repeated] == [201, 201]
    assert repeated[0].json() == repeated[1].json()
    report = repeated[0].json()["report_id"]
    assert code(await resolves(bob, channel, report)) == "forbidden"
    assert code(await resolves(owner, channel, report)) == "not_found"
    assert (await resolves(boss, channel, report)).status_code == 200

    await owner.does("POST", f"/v1/courses/{course}/mutes", {"user_id": ada.user_id, "minutes": 5})
    assert (await says(ada, channel, "muted in the course, not here")).status_code == 201
