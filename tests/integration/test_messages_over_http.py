"""Threads, mentions, reactions and histories, from the command to the view: whoever sends the bookmark is shown it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import pytest_asyncio

from query_api import shapes
from tests.command_api import Person
from tests.integration.whole_product import Whole, whole


@dataclass
class Talk:
    """Ada owns a course in which Bob is; Eve is in none."""

    whole: Whole
    ada: Person
    bob: Person
    eve: Person
    course: str
    path: str

    async def does(self, person: Person, method: str, path: str, body: Any = None) -> tuple[dict[str, Any], str]:
        """A command about the channel's messages that must be possible: its answer and its bookmark."""
        answer = await person.does(method, self.path + path, body)
        assert answer.status_code in (200, 201), answer.text
        return answer.json(), answer.headers["mimo-bookmark"]

    async def refused(self, person: Person, method: str, path: str, body: Any = None) -> tuple[int, str]:
        """The status and the code of a refusal."""
        answer = await person.does(method, self.path + path, body)
        return answer.status_code, answer.json()["code"]

    async def says(self, person: Person, text: str, **more: Any) -> tuple[str, str]:
        """The id of a new message, and the bookmark."""
        answer, known = await self.does(person, "POST", "", {"text": text, **more})
        return answer["message_id"], known

    async def sees(self, person: Person, message_id: str, known: str) -> shapes.Message:
        """One message, as its list shows it, too."""
        alone = await self.whole.reads(person, f"{self.path}/{message_id}", known)
        assert alone.status_code == 200, alone.text
        listed = await self.whole.sees(person, f"{self.path}?limit=200", known)
        assert alone.json() in listed["items"]
        return shapes.Message.model_validate_json(alone.content, strict=True, extra="forbid")

    async def history(self, person: Person, message_id: str, known: str) -> list[tuple[str, str | None]]:
        """What happened to a message, and what it said from then on."""
        answer = await self.whole.reads(person, f"{self.path}/{message_id}/history", known)
        assert answer.status_code == 200, answer.text
        shown = shapes.MessageHistory.model_validate_json(answer.content, strict=True, extra="forbid")
        assert [one.seq for one in shown.items] == sorted(one.seq for one in shown.items)
        return [(one.event, one.text) for one in shown.items]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def talk(shared_database_url: str) -> AsyncIterator[Talk]:
    async with whole(shared_database_url) as running:
        ada, bob, eve = [await running.commands.person() for _ in range(3)]
        course, channel = await running.commands.course(ada)
        assert (await bob.does("POST", f"/v1/courses/{course}/enrollments")).status_code == 201
        yield Talk(running, ada, bob, eve, course, f"/v1/channels/{channel}/messages")


async def test_replies_form_one_thread_which_counts_them(talk: Talk) -> None:
    question, _ = await talk.says(talk.ada, "Why?")
    answer, _ = await talk.says(talk.bob, "Because.", reply_to=question)
    again, known = await talk.says(talk.ada, "Really?", reply_to=answer)
    assert (await talk.sees(talk.bob, question, known)).reply_count == 2
    for reply in (answer, again):
        assert str((await talk.sees(talk.ada, reply, known)).thread_id) == question
    thread = await talk.whole.sees(talk.bob, f"{talk.path}?thread={question}", known)
    assert [one["message_id"] for one in thread["items"]] == [again, answer]
    _, known = await talk.does(talk.bob, "DELETE", f"/{answer}")
    assert (await talk.sees(talk.bob, question, known)).reply_count == 1
    body = {"text": "Hm", "reply_to": answer}
    refused = await talk.ada.does("POST", talk.path, body)
    assert (refused.status_code, refused.json()["detail"]) == (404, "This message was deleted.")
    assert await talk.refused(talk.ada, "POST", "", body | {"reply_to": str(uuid4())}) == (404, "not_found")
    _, elsewhere = await talk.whole.commands.course(talk.ada)
    there = await talk.ada.does("POST", f"/v1/channels/{elsewhere}/messages", {"text": "Here"})
    body["reply_to"] = there.json()["message_id"]
    assert await talk.refused(talk.ada, "POST", "", body) == (404, "not_found")


async def test_mentions_follow_the_text_and_the_names(talk: Talk) -> None:
    message, known = await talk.says(talk.ada, f"<@{talk.bob.user_id}>, look")
    assert [str(one.user_id) for one in (await talk.sees(talk.bob, message, known)).mentions] == [talk.bob.user_id]
    _, known = await talk.does(talk.ada, "PATCH", f"/{message}", {"text": f"<@{talk.eve.user_id}>, look"})
    renamed = await talk.eve.does("PATCH", "/v1/me", {"display_name": "Evelyn"})
    known = f"{known}, {renamed.headers['mimo-bookmark']}"
    shown = await talk.sees(talk.bob, message, known)
    assert [(str(one.user_id), one.display_name) for one in shown.mentions] == [(talk.eve.user_id, "Evelyn")]
    _, known = await talk.does(talk.ada, "DELETE", f"/{message}")
    assert (await talk.sees(talk.bob, message, known)).mentions == []
    many = {"text": " ".join(f"<@{uuid4()}>" for _ in range(51))}
    refused = await talk.ada.does("POST", talk.path, many)
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "#/text")


async def test_reactions_come_once_and_go(talk: Talk) -> None:
    message, _ = await talk.says(talk.ada, "Done!")
    family = quote("👨‍👩‍👧‍👦")
    first, _ = await talk.does(talk.bob, "PUT", f"/{message}/reactions/{family}")
    together = await asyncio.gather(
        *(talk.does(talk.bob, "PUT", f"/{message}/reactions/{quote('🎉')}") for _ in range(5)),
        talk.does(talk.ada, "PUT", f"/{message}/reactions/{family}"),
    )
    assert len({answer["seq"] for answer, _ in together[:5]}) == 1
    again, known = await talk.does(talk.bob, "PUT", f"/{message}/reactions/{family}")
    assert again == first
    known = ", ".join([known, *(bookmark for _, bookmark in together)])
    for person, mine in ((talk.ada, {"👨‍👩‍👧‍👦": True, "🎉": False}), (talk.bob, {"👨‍👩‍👧‍👦": True, "🎉": True})):
        shown = await talk.sees(person, message, known)
        assert {one.emoji: one.mine for one in shown.reactions} == mine
        assert {one.emoji: one.count for one in shown.reactions} == {"👨‍👩‍👧‍👦": 2, "🎉": 1}
    _, known = await talk.does(talk.bob, "DELETE", f"/{message}/reactions/{family}")
    shown = await talk.sees(talk.bob, message, known)
    assert {one.emoji: (one.count, one.mine) for one in shown.reactions} == {"👨‍👩‍👧‍👦": (1, False), "🎉": (1, True)}
    assert await talk.refused(talk.bob, "DELETE", f"/{message}/reactions/{family}") == (404, "not_found")
    later, _ = await talk.does(talk.bob, "PUT", f"/{message}/reactions/{family}")
    assert later["seq"] > first["seq"]


async def test_who_may_react_and_to_what(talk: Talk) -> None:
    message, _ = await talk.says(talk.ada, "Hello")
    path = f"/{message}/reactions/{quote('👍')}"
    assert await talk.refused(talk.eve, "PUT", path) == (403, "not_a_member")
    for text in ("ok", "<b>", "👍👍", "1", "👍 "):
        assert await talk.refused(talk.bob, "PUT", f"/{message}/reactions/{quote(text)}") == (422, "invalid_request")
    assert await talk.refused(talk.bob, "PUT", f"/{uuid4()}/reactions/{quote('👍')}") == (404, "not_found")
    muted = await talk.ada.does("POST", f"/v1/courses/{talk.course}/mutes", {"user_id": talk.bob.user_id, "minutes": 5})
    assert muted.status_code == 201, muted.text
    assert await talk.refused(talk.bob, "PUT", path) == (403, "muted")
    unmuted = await talk.ada.does("DELETE", f"/v1/courses/{talk.course}/mutes/{talk.bob.user_id}")
    assert unmuted.status_code == 200, unmuted.text
    await talk.does(talk.bob, "PUT", path)
    _, known = await talk.does(talk.ada, "DELETE", f"/{message}")
    assert (await talk.sees(talk.bob, message, known)).reactions == []
    refused = await talk.ada.does("PUT", talk.path + path)
    assert (refused.status_code, refused.json()["detail"]) == (404, "This message was deleted.")


async def test_moderators_see_what_a_message_was_until_its_author_is_erased(talk: Talk) -> None:
    gone = await talk.whole.commands.person()
    await gone.does("POST", f"/v1/courses/{talk.course}/enrollments")
    message, known = await talk.says(gone, "first")
    assert await talk.history(talk.ada, message, known) == [("MessageSent", "first")]
    await talk.does(gone, "PATCH", f"/{message}", {"text": "second"})
    _, known = await talk.does(gone, "PATCH", f"/{message}", {"text": "third"})
    told = [("MessageSent", "first"), ("MessageEdited", "second"), ("MessageEdited", "third")]
    assert await talk.history(talk.ada, message, known) == told
    _, known = await talk.does(talk.ada, "DELETE", f"/{message}")
    assert (await talk.sees(talk.bob, message, known)).text is None
    for _ in range(2):  # the second time from memory
        assert await talk.history(talk.ada, message, known) == [*told, ("MessageDeleted", None)]
    for person, path in ((gone, message), (talk.bob, message), (talk.ada, str(uuid4()))):
        refused = await talk.whole.reads(person, f"{talk.path}/{path}/history", known)
        assert refused.json()["code"] == ("not_found" if person is talk.ada else "forbidden")
    erased = await gone.does("DELETE", "/v1/me")
    assert erased.status_code == 200, erased.text
    known = erased.headers["mimo-bookmark"]
    assert await talk.history(talk.ada, message, known) == [(name, None) for name, _ in told] + [
        ("MessageDeleted", None)
    ]
