"""Channels as people stand to them: what is new, who is there, who they are. Whoever sends a bookmark is shown it.

Each view is read from two query APIs: one that had the answer before the change, and one that never had any.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest
import pytest_asyncio
from fastapi import FastAPI

from infra.tokens import token_verifier
from query_api import channel_shapes, shapes
from query_api.app import new_query_api
from query_api.routes import members as roster
from tests.command_api import Person
from tests.integration.whole_product import WAIT, Whole, whole

ROOMS = "/v1/me/channels"


@dataclass
class Two:
    """The whole product with a second query API, which has forgotten everything whenever it is asked."""

    whole: Whole
    forgetful: FastAPI
    client: httpx2.AsyncClient

    async def person(self, name: str) -> Person:
        """Somebody with a name."""
        person = await self.whole.commands.person()
        assert (await person.does("PATCH", "/v1/me", {"display_name": name})).status_code == 200
        return person

    async def does(self, person: Person, method: str, path: str, body: Any = None) -> tuple[Any, str]:
        """A command that must be possible: its answer and its bookmark."""
        answer = await person.does(method, path, body)
        assert answer.status_code in (200, 201), answer.text
        return answer.json(), answer.headers["mimo-bookmark"]

    async def reads(self, person: Person, path: str, *bookmarks: str) -> httpx2.Response:
        """What both answer, which must be the same."""
        remembered = await self.whole.reads(person, path, *bookmarks)
        self.forgetful.state.freshness.cache.forget()
        headers = {"prefer": WAIT, "authorization": f"Bearer {person.access_token}"}
        anew = await self.client.get(path, headers=headers | ({"mimo-bookmark": bookmarks[-1]} if bookmarks else {}))
        assert (remembered.status_code, remembered.headers.get("etag")) == (anew.status_code, anew.headers.get("etag"))
        return remembered

    async def sees(self, person: Person, path: str, *bookmarks: str) -> Any:
        """What both show, which must be there."""
        answer = await self.reads(person, path, *bookmarks)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def rooms(self, person: Person, *bookmarks: str) -> list[dict[str, Any]]:
        """Everywhere that somebody may talk."""
        items: list[dict[str, Any]] = (await self.sees(person, ROOMS, *bookmarks))["items"]
        return items


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def two(shared_database_url: str) -> AsyncIterator[Two]:
    async with whole(shared_database_url) as running:
        other = new_query_api(running.commands.settings, token_verifier(running.commands.settings))
        transport = httpx2.ASGITransport(app=other, raise_app_exceptions=False)
        async with (
            other.router.lifespan_context(other),
            httpx2.AsyncClient(transport=transport, base_url="http://other") as client,
        ):
            yield Two(running, other, client)


async def test_everywhere_that_one_may_talk_follows_each_change_at_once(two: Two) -> None:
    ada, bob = await two.person("Ada"), await two.person("Bob")
    assert await two.rooms(ada) == await two.rooms(bob) == []
    made, known = await two.does(ada, "POST", "/v1/courses", {"title": "Rings", "description": ""})
    course, general = made["course_id"], made["channel_id"]
    (room,) = await two.rooms(ada, known)
    assert (room["channel_id"], room["course_title"], room["name"]) == (general, "Rings", "general")
    assert (room["with"], room["moderator"], room["unread"]) == (None, True, 0)
    await two.does(ada, "POST", f"/v1/courses/{course}/publish")
    _, known = await two.does(bob, "POST", f"/v1/courses/{course}/enrollments")
    (room,) = await two.rooms(bob, known)
    assert (room["channel_id"], room["moderator"]) == (general, False)

    opened, known = await two.does(ada, "POST", f"/v1/courses/{course}/channels", {"name": "proofs"})
    assert [room["name"] for room in await two.rooms(bob, known)] == ["general", "proofs"]
    assert (await two.sees(bob, f"/v1/channels/{opened['channel_id']}"))["name"] == "proofs"
    listed = await two.sees(bob, f"/v1/courses/{course}/channels", known)
    assert [item["name"] for item in listed["items"]] == ["general", "proofs"]
    _, known = await two.does(ada, "PATCH", f"/v1/channels/{opened['channel_id']}", {"name": "exams"})
    assert [room["name"] for room in await two.rooms(bob, known)] == ["general", "exams"]
    assert (await two.sees(bob, f"/v1/channels/{opened['channel_id']}", known))["name"] == "exams"
    listed = await two.sees(bob, f"/v1/courses/{course}/channels", known)
    assert [item["name"] for item in listed["items"]] == ["general", "exams"]
    _, known = await two.does(ada, "PATCH", f"/v1/courses/{course}", {"title": "Fields"})
    assert {room["course_title"] for room in await two.rooms(bob, known)} == {"Fields"}
    _, known = await two.does(bob, "DELETE", f"/v1/courses/{course}/enrollments/me")
    assert await two.rooms(bob, known) == []
    assert (await two.reads(bob, f"/v1/channels/{general}", known)).json()["code"] == "not_a_member"


async def test_unread_is_what_came_after_what_one_read_or_said_oneself(two: Two) -> None:
    ada, bob = await two.person("Ada"), await two.person("Bob")
    course, channel = await two.whole.commands.course(ada)
    _, known = await two.does(bob, "POST", f"/v1/courses/{course}/enrollments")
    path = f"/v1/channels/{channel}"

    async def counts(person: Person, *bookmarks: str) -> tuple[int, int, int]:
        room = await two.sees(person, path, *bookmarks)
        assert [room] == await two.rooms(person, *bookmarks)
        return room["read_number"], room["unread"], room["unread_mentions"]

    assert await counts(bob, known) == (0, 0, 0)
    for number, text in enumerate(("one", f"two <@{bob.user_id}>", f"<@{bob.user_id}> <@{bob.user_id}> three"), 1):
        _, known = await two.does(ada, "POST", f"{path}/messages", {"text": text})
        assert await counts(bob, known) == (0, number, number - 1)
    assert await counts(ada, known) == (0, 0, 0)
    _, known = await two.does(bob, "PUT", f"{path}/read", {"number": 2})
    assert await counts(bob, known) == (2, 1, 1)
    _, known = await two.does(bob, "PUT", f"{path}/read", {"number": 1})
    assert await counts(bob, known) == (2, 1, 1)
    _, known = await two.does(bob, "POST", f"{path}/messages", {"text": "four"})
    assert await counts(bob, known) == (2, 0, 0)
    assert await counts(ada, known) == (0, 1, 0)
    said, known = await two.does(ada, "POST", f"{path}/messages", {"text": f"five <@{bob.user_id}>"})
    assert await counts(bob, known) == (2, 1, 1)
    _, known = await two.does(ada, "DELETE", f"{path}/messages/{said['message_id']}")
    assert await counts(bob, known) == (2, 1, 0)
    _, known = await two.does(bob, "PUT", f"{path}/read", {"number": 5})
    assert await counts(bob, known) == (5, 0, 0)


async def test_conversations_come_last_the_latest_first_and_are_seen_by_the_two_only(two: Two) -> None:
    ada, bob, eve = await two.person("Ada"), await two.person("Bob"), await two.person("Eve")
    course, general = await two.whole.commands.course(ada)
    for person in (bob, eve):
        _, known = await two.does(person, "POST", f"/v1/courses/{course}/enrollments")
    for person in (ada, bob):
        assert [room["channel_id"] for room in await two.rooms(person, known)] == [general]
    with_bob, known = await two.does(bob, "POST", f"/v1/courses/{course}/direct-channels", {"user_id": ada.user_id})
    for person, other, name in ((ada, bob, "Bob"), (bob, ada, "Ada")):
        first, talk = await two.rooms(person, known)
        assert first["channel_id"] == general
        assert talk["with"] == {"user_id": other.user_id, "display_name": name}
        assert (talk["course_id"], talk["course_title"], talk["name"], talk["moderator"]) == (None, None, None, False)
    with_eve, known = await two.does(ada, "POST", f"/v1/courses/{course}/direct-channels", {"user_id": eve.user_id})
    order = [general, with_eve["channel_id"], with_bob["channel_id"]]
    assert [room["channel_id"] for room in await two.rooms(ada, known)] == order
    path = f"/v1/channels/{with_bob['channel_id']}"
    _, known = await two.does(bob, "POST", f"{path}/messages", {"text": "hello"})
    rooms = await two.rooms(ada, known)
    assert [(room["channel_id"], room["unread"]) for room in rooms] == [(general, 0), (order[2], 1), (order[1], 0)]
    _, known = await two.does(bob, "PATCH", "/v1/me", {"display_name": "Robert"})
    assert (await two.rooms(ada, known))[1]["with"]["display_name"] == "Robert"
    there = await two.sees(ada, f"{path}/members", known)
    assert sorted((one["display_name"], one["owner"]) for one in there["items"]) == [("Ada", False), ("Robert", False)]
    for view in ("", "/members", "/messages"):
        assert (await two.reads(ada, path + view, known)).status_code == 200
        refused = await two.reads(eve, path + view, known)
        assert (refused.status_code, refused.json()["code"]) == (404, "not_found")
    _, known = await two.does(bob, "DELETE", f"/v1/courses/{course}/enrollments/me")
    assert [room["channel_id"] for room in await two.rooms(bob, known)] == [with_bob["channel_id"]]
    _, known = await two.does(bob, "DELETE", "/v1/me")
    assert (await two.rooms(ada, known))[1]["with"] == {"user_id": bob.user_id, "display_name": None}


async def _walked(two: Two, person: Person, path: str, *bookmarks: str) -> list[list[str]]:
    """The ids on each page of a list."""
    page = await two.sees(person, path, *bookmarks)
    pages = [[one["user_id"] for one in page["items"]]]
    while page["next_cursor"] is not None:
        page = await two.sees(person, f"{path}&cursor={page['next_cursor']}", *bookmarks)
        pages.append([one["user_id"] for one in page["items"]])
    return pages


async def test_members_are_found_by_how_a_word_of_their_name_begins(two: Two, monkeypatch: pytest.MonkeyPatch) -> None:
    owner = await two.person("Émilie du Châtelet")
    course, channel = await two.whole.commands.course(owner)
    people = [await two.person(name) for name in ("Ada Lovelace", "Anne-Marie O'Brien", "Zoë", "Bob_Ray")]
    path = f"/v1/channels/{channel}/members"
    for person in people:
        known = (await two.does(person, "POST", f"/v1/courses/{course}/enrollments"))[1]
    everybody = [one.user_id for one in (owner, *reversed(people))]

    async def found(query: str, *bookmarks: str) -> list[str]:
        page = await two.sees(people[0], f"{path}{query}", *bookmarks)
        assert page["next_cursor"] is None
        return [one["user_id"] for one in page["items"]]

    assert await found("", known) == everybody
    for query, places in {
        "a": (1, 0), "LOVE": (0,), "emi": (-1,), "chatelet": (-1,), "marie o": (1,), "zoe": (2,), "ray": (3,),
        "ovelace": (), "%25": everybody,
    }.items():  # fmt: skip
        wanted = [place if isinstance(place, str) else [*people, owner][place].user_id for place in places]
        assert await found(f"?q={query}", known) == wanted, query
    assert await _walked(two, people[0], f"{path}?limit=2", known) == [everybody[:2], everybody[2:4], everybody[4:]]
    with monkeypatch.context() as few:
        few.setattr(roster, "AT_ONCE", 2)
        few.setattr(roster, "MAX_LOOKED_THROUGH", 2)
        assert await _walked(two, people[0], f"{path}?q=e&limit=3", known) == [everybody[:1], [], []]
    known = (await two.does(people[2], "PATCH", "/v1/me", {"display_name": "Love"}))[1]
    assert await found("?q=love", known) == [people[2].user_id, people[0].user_id]
    known = (await two.does(people[0], "DELETE", f"/v1/courses/{course}/enrollments/me"))[1]
    assert (await two.reads(people[0], path, known)).json()["code"] == "not_a_member"


async def test_several_people_are_read_at_once(two: Two) -> None:
    ada, bob = await two.person("Ada"), await two.person("Bob")
    _, known = await two.does(bob, "PATCH", "/v1/me", {"display_name": "Robert"})
    ids = "&".join(f"id={one}" for one in (bob.user_id, ada.user_id, bob.user_id, ROOMS.encode().hex().zfill(32)))
    page = await two.sees(ada, f"/v1/users?{ids}", known)
    assert [one["display_name"] for one in page["items"]] == ["Robert", "Ada"]
    shapes.UserList.model_validate_json((await two.reads(ada, f"/v1/users?{ids}")).content, strict=True, extra="forbid")
    many = "&".join(f"id={ada.user_id}" for _ in range(100))
    assert len((await two.sees(ada, f"/v1/users?{many}"))["items"]) == 1
    for wrong in ("/v1/users", f"/v1/users?{many}&id={bob.user_id}", "/v1/users?id=x"):
        assert (await two.reads(ada, wrong)).status_code == 422


@pytest.mark.parametrize(
    ("path", "shape"),
    [
        ("/v1/me/channels", channel_shapes.RoomList),
        ("/v1/channels/{channel}", channel_shapes.Room),
        ("/v1/channels/{channel}/members", channel_shapes.ChannelMemberList),
    ],
)
async def test_answers_have_the_shapes_of_the_document(two: Two, path: str, shape: Any) -> None:
    ada = await two.person("Ada")
    made, known = await two.does(ada, "POST", "/v1/courses", {"title": "Rings", "description": ""})
    answer = await two.reads(ada, path.format(channel=made["channel_id"]), known)
    shape.model_validate_json(answer.content, strict=True, extra="forbid")
