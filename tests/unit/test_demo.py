"""The demo counts honestly: its proof notices every kind of loss, its client never drops or doubles a command."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import pytest

from events.errors import CannotStart
from mimo.demo.client import Addresses, Person, Tally, Unanswered
from mimo.demo.journal import Journal, Proof, prove, read_journal

ADDRESSES = Addresses("http://commands", "http://queries", patience_seconds=5.0)
Handler = Callable[[httpx2.Request], httpx2.Response]


class Reader:
    """Stands in for a person who reads a channel, in pages of two."""

    def __init__(self, shown: list[dict[str, Any]]) -> None:
        self.shown = shown

    async def read(self, path: str, bookmark: str = "") -> dict[str, Any]:
        """One page; the cursor is where it begins."""
        assert bookmark == "" or "cursor" not in path
        start = int(path.partition("cursor=")[2] or 0)
        following = start + 2
        cursor = str(following) if following < len(self.shown) else None
        return {"items": self.shown[start:following], "next_cursor": cursor}


def message(seq: int, text: str = "") -> dict[str, Any]:
    return {"message_id": f"m{seq}", "seq": seq, "text": text or f"text {seq}"}


async def proof(sent: list[int], shown: list[dict[str, Any]]) -> Proof:
    journal = Journal(None)
    journal.note("CreateCourse", user_id="ada", course_id="c", channel_id="k")
    for seq in sent:
        journal.note("SendMessage", channel_id="k", **message(seq))
    return await prove(journal.entries, {"ada": Reader(shown)}, {"k": "log.0,messages.1:1"})  # type: ignore[dict-item]


async def test_what_is_there_once_in_order_is_proven() -> None:
    found = await proof([2, 3, 4, 5, 6], [message(seq) for seq in (6, 5, 4, 3, 2)])
    assert found == Proof(acknowledged=5, found=5, missing=0, twice=0, out_of_order=0, unacknowledged=0)
    assert found.holds


@pytest.mark.parametrize(
    ("shown", "wrong"),
    [
        ([message(4), message(2)], "missing"),
        ([message(4), message(3, "another text"), message(2)], "missing"),
        ([message(4), message(3), message(3), message(2)], "twice"),
        ([message(3), message(4), message(2)], "out_of_order"),
    ],
)
async def test_every_kind_of_loss_is_noticed(shown: list[dict[str, Any]], wrong: str) -> None:
    found = await proof([2, 3, 4], shown)
    assert getattr(found, wrong) > 0
    assert not found.holds


async def test_a_message_whose_acknowledgement_was_cut_off_is_counted_and_no_harm() -> None:
    found = await proof([2, 3], [message(4), message(3), message(2)])
    assert found.unacknowledged == 1
    assert found.holds


def test_a_journal_is_for_its_owner_and_a_line_cut_off_does_not_count(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    journal = Journal(path)
    journal.note("RegisterUser", user_id="ada", password="secret")
    journal.note("PublishCourse", course_id="c")
    assert path.stat().st_mode & 0o077 == 0
    assert read_journal(path) == journal.entries
    journal.close()
    path.write_text(path.read_text() + json.dumps({"command": "SendMessage"}))
    assert read_journal(path) == journal.entries


def test_a_journal_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    with pytest.raises(CannotStart, match="cannot be written"):
        Journal(tmp_path / "missing" / "journal")


async def person(handler: Handler, tally: Tally) -> tuple[Person, httpx2.AsyncClient]:
    http = httpx2.AsyncClient(transport=httpx2.MockTransport(handler))
    return Person(http, ADDRESSES, tally, "student-1-ab@example.org", "a password"), http


async def test_a_command_is_sent_again_with_the_same_key_until_it_is_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mimo.demo.client.FIRST_PAUSE_SECONDS", 0.0)
    keys = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        keys.append(request.headers["Idempotency-Key"])
        if len(keys) == 1:
            raise httpx2.ConnectError("refused")
        if len(keys) == 2:
            return httpx2.Response(503)
        return httpx2.Response(201, json={"user_id": "ada"}, headers={"Mimo-Bookmark": "b"})

    tally = Tally()
    ada, http = await person(answer, tally)
    async with http:
        assert await ada.register() == "ada"
    assert len(keys) == 3
    assert len(set(keys)) == 1
    assert (tally.acknowledged, tally.retries) == (1, 2)


async def test_an_expired_token_is_renewed_once() -> None:
    tokens = iter(("first", "second"))

    def answer(request: httpx2.Request) -> httpx2.Response:
        if request.url.path == "/v1/auth/token":
            return httpx2.Response(200, json={"access_token": next(tokens)})
        if request.headers["Authorization"] == "Bearer second":
            return httpx2.Response(200, json={"items": []})
        return httpx2.Response(401)

    ada, http = await person(answer, Tally())
    async with http:
        await ada.sign_in()
        assert await ada.read("/v1/me") == {"items": []}


async def test_a_refusal_is_no_acknowledgement() -> None:
    tally = Tally()
    ada, http = await person(lambda _request: httpx2.Response(409, text="email_taken"), tally)
    async with http:
        with pytest.raises(Unanswered, match="email_taken"):
            await ada.register()
    assert tally.acknowledged == 0


async def test_patience_ends() -> None:
    ada, http = await person(lambda _request: httpx2.Response(503, headers={"Retry-After": "10"}), Tally())
    async with http:
        with pytest.raises(Unanswered, match="No answer from http://commands/v1/users for 5 s"):
            await ada.register()
