"""From a command to a view and back: commands, log, projections and queries as they are, in one process.

Whoever sends along what they were answered is shown at least that: their own writes, and all that they saw before.
"""

import asyncio
from collections.abc import AsyncIterator
from random import Random

import pytest
import pytest_asyncio

from tests.command_api import Person
from tests.integration.whole_product import Whole, whole


@pytest_asyncio.fixture(scope="module", loop_scope="session", params=["embedded", "through Kafka"])
async def everything(
    shared_database_url: str, kafka_server: str, request: pytest.FixtureRequest
) -> AsyncIterator[Whole]:
    """First without Kafka, then with it on the same database: what was written before is still there."""
    through_kafka = {"kafka_bootstrap": kafka_server, "kafka_prefix": "read-your-writes."}
    async with whole(shared_database_url, **(through_kafka if request.param == "through Kafka" else {})) as running:
        yield running


async def test_every_command_is_seen_at_once_by_whoever_sends_its_bookmark(everything: Whole) -> None:
    ada, bob = await everything.commands.person(), await everything.commands.person()
    renamed = await ada.does("PATCH", "/v1/me", {"display_name": "Ada"})
    me = await everything.sees(ada, "/v1/me", renamed.headers["mimo-bookmark"])
    assert (me["display_name"], me["email"], me["roles"]) == ("Ada", ada.email, ["student"])

    made = await ada.does("POST", "/v1/courses", {"title": "Rings", "description": "and fields", "capacity": 1})
    course, channel = made.json()["course_id"], made.json()["channel_id"]
    draft = await everything.sees(ada, f"/v1/courses/{course}", made.headers["mimo-bookmark"])
    assert (draft["status"], draft["seats_left"]) == ("draft", 1)
    assert (await everything.reads(bob, f"/v1/courses/{course}")).status_code == 404
    published = await ada.does("POST", f"/v1/courses/{course}/publish")
    shown = await everything.sees(bob, f"/v1/courses/{course}", published.headers["mimo-bookmark"])
    assert (shown["status"], shown["can_enroll"]) == ("published", True)

    joined = await bob.does("POST", f"/v1/courses/{course}/enrollments")
    known = joined.headers["mimo-bookmark"]
    assert (await everything.sees(bob, f"/v1/courses/{course}", known))["cannot_enroll_reason"] == "already_enrolled"
    assert (await everything.sees(None, f"/v1/courses/{course}", known))["cannot_enroll_reason"] == "course_full"
    mine = await everything.sees(bob, "/v1/me/courses", known)
    assert [item["course_id"] for item in mine["items"]] == [course]
    roster = await everything.sees(ada, f"/v1/courses/{course}/enrollments", known)
    assert [item["user_id"] for item in roster["items"]] == [bob.user_id]

    sent = await bob.does("POST", f"/v1/channels/{channel}/messages", {"text": "hello"})
    path = f"/v1/channels/{channel}/messages"
    listed = await everything.sees(ada, path, sent.headers["mimo-bookmark"])
    assert [(item["text"], item["seq"], item["number"]) for item in listed["items"]] == [("hello", 2, 1)]
    read = await ada.does("PUT", f"/v1/channels/{channel}/read", {"number": 1})
    room = await everything.sees(ada, f"/v1/channels/{channel}", read.headers["mimo-bookmark"])
    assert (room["course_title"], room["read_number"], room["unread"]) == ("Rings", 1, 0)
    begun = await bob.does("POST", f"/v1/courses/{course}/direct-channels", {"user_id": ada.user_id})
    rooms = await everything.sees(ada, "/v1/me/channels", begun.headers["mimo-bookmark"])
    assert [room["channel_id"] for room in rooms["items"]] == [channel, begun.json()["channel_id"]]
    message = f"{path}/{sent.json()['message_id']}"
    edited = await bob.does("PATCH", message, {"text": "hello!"})
    listed = await everything.sees(ada, path, edited.headers["mimo-bookmark"])
    assert (listed["items"][0]["text"], listed["last_seq"]) == ("hello!", 3)
    deleted = await ada.does("DELETE", message)
    listed = await everything.sees(bob, path, deleted.headers["mimo-bookmark"])
    assert (listed["items"][0]["text"], listed["items"][0]["deleted"]) == (None, True)

    left = await bob.does("DELETE", f"/v1/courses/{course}/enrollments/me")
    refused = await everything.reads(bob, path, left.headers["mimo-bookmark"])
    assert (refused.status_code, refused.json()["code"]) == (403, "not_a_member")
    archived = await ada.does("POST", f"/v1/courses/{course}/archive")
    listed = await everything.sees(ada, "/v1/courses", archived.headers["mimo-bookmark"])
    assert course not in [item["course_id"] for item in listed["items"]]


async def test_what_was_said_and_taken_back_is_found_and_gone_for_whoever_sends_its_bookmark(everything: Whole) -> None:
    ada = await everything.commands.person()
    _, channel = await everything.commands.course(ada)
    path, search = f"/v1/channels/{channel}/messages", "/v1/search/messages?q=greeting"
    sent = await ada.does("POST", path, {"text": "Greetings"})
    found = await everything.sees(ada, search, sent.headers["mimo-bookmark"])
    assert found["items"] == (await everything.sees(ada, path))["items"] != []
    deleted = await ada.does("DELETE", f"{path}/{sent.json()['message_id']}")
    assert (await everything.sees(ada, search, deleted.headers["mimo-bookmark"]))["items"] == []


async def test_the_etag_of_a_course_guards_its_change(everything: Whole) -> None:
    ada = await everything.commands.person()
    made = await ada.does("POST", "/v1/courses", {"title": "Rings", "description": "of integers"})
    course = made.json()["course_id"]
    read = await everything.reads(ada, f"/v1/courses/{course}", made.headers["mimo-bookmark"])
    change = {"title": "Fields", "description": "too"}
    changed = await ada.does("PATCH", f"/v1/courses/{course}", change, if_match=read.headers["etag"])
    assert changed.status_code == 200, changed.text
    stale = await ada.does("PATCH", f"/v1/courses/{course}", {**change, "title": "x"}, if_match=read.headers["etag"])
    assert stale.status_code == 412
    anew = await everything.reads(ada, f"/v1/courses/{course}", changed.headers["mimo-bookmark"])
    change["title"] = "Rings"
    again = await ada.does("PATCH", f"/v1/courses/{course}", change, if_match=anew.headers["etag"])
    assert again.status_code == 200


async def test_an_ended_session_reads_nothing_any_more(everything: Whole) -> None:
    ada = await everything.commands.person()
    assert (await everything.reads(ada, "/v1/me")).status_code in (200, 503)
    assert (await ada.does("POST", "/v1/auth/logout")).status_code in (200, 204)
    async with asyncio.timeout(1.5):
        while (await everything.reads(ada, "/v1/me")).status_code != 401:
            continue


async def test_a_crowd_of_writers_and_readers_never_loses_sight_of_its_own_words(everything: Whole) -> None:
    owner = await everything.commands.person()
    course, channel = await everything.commands.course(owner)
    people = [await everything.commands.person() for _ in range(6)]
    path = f"/v1/channels/{channel}/messages"

    async def talk(person: Person, number: int) -> list[str]:
        lot, said = Random(number), []
        joined = await person.does("POST", f"/v1/courses/{course}/enrollments")
        known, longest = joined.headers["mimo-bookmark"], 0
        for turn in range(12):
            text = f"{number}/{turn}"
            sent = await person.does("POST", path, {"text": text})
            assert sent.status_code == 201, sent.text
            said.append(text)
            answer = await everything.reads(person, f"{path}?limit=200", known, sent.headers["mimo-bookmark"])
            assert answer.status_code == 200, answer.text
            items = answer.json()["items"]
            assert [item["text"] for item in reversed(items) if item["author_id"] == person.user_id] == said
            assert [item["number"] for item in items] == list(range(len(items), 0, -1))
            assert len(items) >= longest, "shorter than what the same reader saw before"
            longest, known = len(items), answer.headers["mimo-bookmark"]
            await asyncio.sleep(lot.random() * 0.01)
        return said

    async with asyncio.TaskGroup() as group:
        talking = [group.create_task(talk(person, number)) for number, person in enumerate(people)]
    said = sorted(text for talked in talking for text in talked.result())
    final = await everything.sees(owner, f"{path}?limit=200")
    assert len(said) == len(people) * 12
    assert sorted(item["text"] for item in final["items"]) == said
