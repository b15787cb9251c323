"""From a mute or a report to what moderators are shown: commands, log, projections and queries as they are."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest_asyncio

from events.bookmark import format_bookmark
from events.moderation import MemberMuted
from events.ports import Append, NewEvent
from infra.ids import new_id
from query_api import moderation_shapes
from tests.command_api import Person
from tests.integration.log_commands import META
from tests.integration.test_moderation_commands import admin, members, over, reports, resolves, says
from tests.integration.whole_product import Whole, whole
from tests.until import ANSWER_SECONDS


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def school(shared_database_url: str) -> AsyncIterator[Whole]:
    async with whole(shared_database_url) as running:
        yield running


async def refused(school: Whole, person: Person, path: str) -> tuple[int, str]:
    answer = await school.reads(person, path)
    return answer.status_code, answer.json()["code"]


async def test_those_who_are_muted_now_are_told_to_moderators(school: Whole) -> None:
    owner, boss = await school.commands.person(), await admin(school.commands)
    course, channel = await school.commands.course(owner)
    one, two, three = await members(school.commands, course, 3)
    await over(school.commands, course, three, owner)
    path, ends = f"/v1/courses/{course}/mutes", {}
    for person in (one, two):
        answer = await owner.does("POST", path, {"user_id": person.user_id, "minutes": 10})
        ends[person.user_id] = answer.json()["until"]
    known = answer.headers["mimo-bookmark"]

    shown = await school.sees(owner, path, known)
    assert [(mute["user_id"], mute["until"]) for mute in shown["items"]] == [*reversed(ends.items())]
    assert {(mute["display_name"], mute["muted_by"]) for mute in shown["items"]} == {("A Person", owner.user_id)}
    moderation_shapes.MuteList.model_validate(shown)
    assert set(shown["items"][0]) == set(moderation_shapes.Mute.model_fields)
    first = await school.sees(boss, f"{path}?limit=1", known)
    second = await school.sees(boss, f"{path}?limit=1&cursor={first['next_cursor']}", known)
    assert first["items"] + second["items"] == shown["items"]
    assert second["next_cursor"] is None
    assert await refused(school, one, path) == (403, "forbidden")
    assert await refused(school, owner, f"/v1/courses/{uuid4()}/mutes") == (404, "not_found")

    unmuted = await owner.does("DELETE", f"{path}/{one.user_id}")
    shown = await school.sees(owner, path, unmuted.headers["mimo-bookmark"])
    assert [mute["user_id"] for mute in shown["items"]] == [two.user_id]
    spoken = await says(three, channel)
    assert [mute["user_id"] for mute in (await school.sees(owner, path, spoken.headers["mimo-bookmark"]))["items"]] == [
        two.user_id
    ]


async def test_a_mute_is_not_told_any_more_when_its_time_is_up_though_nothing_happens(school: Whole) -> None:
    owner = await school.commands.person()
    course, _ = await school.commands.course(owner)
    (loud,) = await members(school.commands, course, 1)
    store, until = school.commands.app.state.api.store, datetime.now(UTC) + timedelta(seconds=2)
    muted = MemberMuted(course_id=UUID(course), user_id=UUID(loud.user_id), muted_by=UUID(owner.user_id), until=until)
    appended = await store.append(Append((NewEvent(new_id(), muted),), META))
    path, known = f"/v1/courses/{course}/mutes", format_bookmark(store.log_id, appended.offsets)
    seen = [(await school.sees(owner, path, known))["items"]]
    assert seen != [[]] or datetime.now(UTC) >= until
    async with asyncio.timeout(ANSWER_SECONDS):
        while seen[-1]:
            assert [mute["user_id"] for mute in seen[-1]] == [loud.user_id]
            seen.append((await school.sees(owner, path, known))["items"])
    assert datetime.now(UTC) >= until


async def test_what_was_reported_is_told_as_it_was_said_then(school: Whole) -> None:
    owner, boss, stranger = await school.commands.person(), await admin(school.commands), await school.commands.person()
    course, channel = await school.commands.course(owner)
    rude, one = await members(school.commands, course, 2)
    message = (await says(rude, channel, "rude")).json()["message_id"]
    path = f"/v1/channels/{channel}/messages/{message}"
    await rude.does("PATCH", path, {"text": "ruder"})
    reported = await reports(one, channel, message, "abuse")
    await rude.does("PATCH", path, {"text": "never mind"})
    gone = await rude.does("DELETE", path)
    report = reported.json()["report_id"]
    known = reported.headers["mimo-bookmark"]

    (shown,) = (await school.sees(owner, f"/v1/courses/{course}/reports", known))["items"]
    assert shown | {"reported_at": ""} == {
        "report_id": report, "channel_id": channel, "course_id": course, "message_id": message, "reason": "abuse",
        "reported_by": one.user_id, "reported_at": "", "resolved_at": None, "resolved_by": None, "outcome": None,
    }  # fmt: skip
    await school.sees(owner, f"/v1/channels/{channel}/messages", gone.headers["mimo-bookmark"])
    for moderator in (owner, boss):
        whole_report = await school.sees(moderator, f"/v1/reports/{report}", known)
        assert whole_report == shown | {"author_id": rude.user_id, "text": "ruder"}
        moderation_shapes.Reported.model_validate(whole_report)
    for other in (one, rude, stranger):
        assert await refused(school, other, f"/v1/reports/{report}") == (404, "not_found")
        assert await refused(school, other, f"/v1/courses/{course}/reports") == (403, "forbidden")
        assert await refused(school, other, "/v1/reports") == (403, "forbidden")

    resolved = await resolves(owner, channel, report)
    known = resolved.headers["mimo-bookmark"]
    assert (await school.sees(owner, f"/v1/courses/{course}/reports", known))["items"] == []
    (shown,) = (await school.sees(owner, f"/v1/courses/{course}/reports?status=resolved", known))["items"]
    assert (shown["report_id"], shown["resolved_by"], shown["outcome"]) == (report, owner.user_id, "removed")
    erased = await rude.does("DELETE", "/v1/me")
    whole_report = await school.sees(owner, f"/v1/reports/{report}", erased.headers["mimo-bookmark"])
    assert (whole_report["text"], whole_report["author_id"]) == (None, rude.user_id)


async def test_admins_see_what_was_reported_between_two_and_nothing_else_of_it(school: Whole) -> None:
    owner, boss = await school.commands.person(), await admin(school.commands)
    course, general = await school.commands.course(owner)
    ada, bob = await members(school.commands, course, 2)
    opened = await ada.does("POST", f"/v1/courses/{course}/direct-channels", {"user_id": bob.user_id})
    channel = opened.json()["channel_id"]
    await says(ada, channel, "private")
    message = (await says(ada, channel, "a threat")).json()["message_id"]
    in_course = await reports(bob, general, (await says(ada, general, "spam")).json()["message_id"])
    between = await reports(bob, channel, message, "abuse")
    known = between.headers["mimo-bookmark"]
    ids = [answer.json()["report_id"] for answer in (between, in_course)]

    everything = await school.sees(boss, "/v1/reports", known)
    assert [one["report_id"] for one in everything["items"][:2]] == ids
    assert [one["course_id"] for one in everything["items"][:2]] == [None, course]
    first = await school.sees(boss, "/v1/reports?limit=1", known)
    second = await school.sees(boss, f"/v1/reports?limit=1&cursor={first['next_cursor']}", known)
    assert [one["report_id"] for one in (*first["items"], *second["items"])] == ids
    own: list[dict[str, Any]] = (await school.sees(owner, f"/v1/courses/{course}/reports", known))["items"]
    assert [one["report_id"] for one in own] == ids[1:]

    threat = await school.sees(boss, f"/v1/reports/{ids[0]}", known)
    assert (threat["author_id"], threat["text"]) == (ada.user_id, "a threat")
    for person in (owner, bob):
        assert await refused(school, person, f"/v1/reports/{ids[0]}") == (404, "not_found")
    assert await refused(school, boss, f"/v1/channels/{channel}/messages") == (404, "not_found")
    assert await refused(school, boss, f"/v1/reports/{uuid4()}") == (404, "not_found")
