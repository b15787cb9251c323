"""Search as people use it: what they are shown at once, where they may read, in whatever language, page by page."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode
from uuid import UUID, uuid4

import asyncpg
import pytest
import pytest_asyncio

from query_api import shapes
from query_api.views import search
from tests.command_api import Person
from tests.integration.whole_product import WAIT, Whole, whole

SPOKEN = (
    # what was said, what is typed, whether it is found
    ("Les étudiants lisent", "etudiant", True),
    ("Die Häuser in der Straße", "haus STRASSE", True),
    ("«Привет», МИРОМ — ёлка", "мир елка", True),
    ("мой трамвай", "мой", True),
    ("学习数据库。", "数据", True),
    ("学习数据库。", "据数", False),
    ("日本語のテスト", "テスト", True),
    ("한국어는 어렵다", "한국어", True),
    ("สวัสดีครับ", "ครับ", True),
    ("Καλημέρα, ΛΟΓΟΣ", "λόγος", True),
    ("الكِتَاب الجديد", "كتاب", True),
    ("हिन्दी में", "हिन्दी", True),
    ("naïve café", "NAIVE cafe", True),
    ("los estudiantes", "estudiante", True),
    ("i ragazzi parlano", "ragazzo", True),
    ("running home", "run", True),
    ("running home", '"run home"', False),
    ("running home", '"running home"', True),
    ("running home", "home -running", False),
    ("running home", "nothing or home", True),
    ("running home", "runn", True),
    ("running home", "runn home", False),
    ("write to foo@example.org", "foo@example.org", True),
    ("chapter 12, page 3.14", "3.14", True),
    ("don’t", "don't", True),
    ("ask <@01938000-0000-7000-8000-000000000004>", "01938000", False),
)
NONSENSE = (
    "", " ", "-", "--", '"', '""', "or", "or or", "-or", "and", "&", "|", "!", "(", ")", "a & | b", "<->", ":*", "a:*",
    "'", "''", "\\", "%", "\u200b", "\ud7ff", "😀", "-word", '-"two words"', "a or -b", "*", "/", "x" * 200,
)  # fmt: skip

ELSEWHERE = """
insert into search_v1_g1.entry (message_id, channel_id, author_id, sent_at, words)
select gen_random_uuid(), c.id, gen_random_uuid(), now(), search.words('everybody says this', c.id)
from (select gen_random_uuid() as id from generate_series(1, 2000)) c;
analyze search_v1_g1.entry
"""
EXPLAIN = """
explain (analyze, timing off, costs off)
select message_id from read.search_v1 where words @@ (search.asked('this') && search.anywhere_in(array[$1::uuid]))
"""


@dataclass
class Talk:
    """A course with its channel, its owner and a member."""

    product: Whole
    owner: Person
    member: Person
    course: str
    channel: str

    async def says(self, who: Person, text: str, channel: str | None = None, **more: Any) -> tuple[str, str]:
        """Somebody says something; its id and bookmark."""
        path = f"/v1/channels/{channel or self.channel}/messages"
        answer = await who.does("POST", path, {"text": text, **more})
        assert answer.status_code == 201, answer.text
        return answer.json()["message_id"], answer.headers["mimo-bookmark"]

    async def finds(self, who: Person, typed: str, *bookmarks: str, **more: Any) -> list[str]:
        """The ids of what somebody finds."""
        found = await self.product.sees(who, address(typed, **more), *bookmarks)
        return [item["message_id"] for item in found["items"]]


def address(typed: str, **more: Any) -> str:
    return f"/v1/search/messages?{urlencode({'q': typed, **more})}"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def product(shared_database_url: str) -> AsyncIterator[Whole]:
    async with whole(shared_database_url) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def talk(product: Whole) -> Talk:
    owner, member = await product.commands.person(), await product.commands.person()
    course, channel = await product.commands.course(owner)
    joined = await member.does("POST", f"/v1/courses/{course}/enrollments")
    await product.reads(member, "/v1/me/courses", joined.headers["mimo-bookmark"])
    return Talk(product, owner, member, course, channel)


async def test_what_one_has_done_is_found_at_once_and_what_was_taken_back_is_not(talk: Talk) -> None:
    message, known = await talk.says(talk.member, "the quick brown fox")
    assert await talk.finds(talk.member, "foxes", known) == [message]
    found = await talk.product.reads(talk.owner, address("foxes"), known)
    shapes.FoundList.model_validate_json(found.content, strict=True, extra="forbid")
    (item,) = found.json()["items"]
    timeline = await talk.product.sees(talk.owner, f"/v1/channels/{talk.channel}/messages", known)
    assert [item] == timeline["items"], "a message is told as it is everywhere"
    path = f"/v1/channels/{talk.channel}/messages/{message}"
    edited = await talk.member.does("PATCH", path, {"text": "a lazy dog"})
    known = edited.headers["mimo-bookmark"]
    assert await talk.finds(talk.owner, "fox", known) == []
    assert await talk.finds(talk.owner, "lazy", known) == [message]
    deleted = await talk.owner.does("DELETE", path)
    assert await talk.finds(talk.member, "lazy", deleted.headers["mimo-bookmark"]) == []


async def test_one_finds_only_what_one_may_read(talk: Talk) -> None:
    product, stranger = talk.product, await talk.product.commands.person()
    other_course, other_channel = await product.commands.course(talk.owner)
    here, _ = await talk.says(talk.member, "a common word")
    there, known = await talk.says(talk.owner, "the common word", other_channel)
    assert await talk.finds(talk.owner, "common", known) == [there, here]
    assert await talk.finds(talk.member, "common", known) == [here]
    assert await talk.finds(stranger, "common", known) == []
    assert await talk.finds(talk.owner, "common", known, course_id=talk.course) == [here]
    assert await talk.finds(talk.owner, "common", known, channel_id=other_channel) == [there]
    assert await talk.finds(talk.owner, "common", known, channel_id=other_channel, course_id=talk.course) == []
    for place in ({"course_id": other_course}, {"channel_id": other_channel}):
        answer = await product.reads(talk.member, address("common", **place), known)
        assert (answer.status_code, answer.json()["code"]) == (403, "not_a_member")
    answer = await product.reads(talk.member, address("common", channel_id=uuid4()), known)
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    left = await talk.member.does("DELETE", f"/v1/courses/{talk.course}/enrollments/me")
    assert await talk.finds(talk.member, "common", left.headers["mimo-bookmark"]) == []


async def test_what_two_say_to_one_another_nobody_else_finds(talk: Talk) -> None:
    third = await talk.product.commands.person()
    await third.does("POST", f"/v1/courses/{talk.course}/enrollments")
    path = f"/v1/courses/{talk.course}/direct-channels"
    opened = await talk.member.does("POST", path, {"user_id": talk.owner.user_id})
    assert opened.status_code == 201, opened.text
    message, known = await talk.says(talk.member, "between us", opened.json()["channel_id"])
    assert (
        await talk.finds(talk.owner, "between", known) == await talk.finds(talk.member, "between", known) == [message]
    )
    assert await talk.finds(third, "between", known) == []


async def test_words_are_found_in_many_languages_and_forms(talk: Talk) -> None:
    said = {text: await talk.says(talk.member, text) for text in dict.fromkeys(text for text, _, _ in SPOKEN)}
    known = [bookmark for _, bookmark in said.values()]
    wrong = [
        (text, typed)
        for text, typed, found in SPOKEN
        if (said[text][0] in await talk.finds(talk.owner, typed, *known, course_id=talk.course)) is not found
    ]
    assert wrong == []


@pytest.mark.parametrize("typed", NONSENSE)
async def test_whatever_is_typed_is_no_error(talk: Talk, typed: str) -> None:
    answer = await talk.product.reads(talk.owner, address(typed))
    assert (answer.status_code, answer.json()) == (200, {"items": [], "next_cursor": None})


async def test_pages_follow_one_another_the_newest_first(talk: Talk) -> None:
    said = [await talk.says(talk.member, f"number {number} of many") for number in range(7)]
    seen: list[str] = []
    path, known = address("many", limit=3), said[-1][1]
    while path:
        answer = await talk.product.reads(talk.owner, path, known)
        seen += [item["message_id"] for item in answer.json()["items"]]
        path = answer.headers["link"].split(">")[0].lstrip("<") if "link" in answer.headers else ""
    assert seen == [message for message, _ in reversed(said)]


async def test_nothing_of_the_erased_is_found(talk: Talk) -> None:
    gone, _ = await talk.says(talk.member, "words of theirs")
    stays, known = await talk.says(talk.owner, "words of mine")
    assert await talk.finds(talk.owner, "words", known) == [stays, gone]
    erased = await talk.member.does("DELETE", "/v1/me", {"password": "correct horse battery"})
    assert erased.is_success, erased.text
    assert await talk.finds(talk.owner, "words", erased.headers["mimo-bookmark"]) == [stays]


async def test_a_page_that_is_asked_for_again_comes_from_memory_until_somebody_speaks(talk: Talk) -> None:
    _, known = await talk.says(talk.owner, "remember me")
    first = await talk.product.reads(talk.owner, address("remember"), known)
    unchanged = {"authorization": f"Bearer {talk.owner.access_token}", "if-none-match": first.headers["etag"]}
    again = await talk.product.queries.get(address("remember"), headers={**unchanged, "prefer": WAIT})
    assert again.status_code == 304
    message, known = await talk.says(talk.member, "remember me, too")
    assert message in await talk.finds(talk.owner, "remember", known)


async def test_an_index_finds_what_is_rare_here_and_common_elsewhere(shared_database_url: str, talk: Talk) -> None:
    """By the plan, not by time: no row of elsewhere is looked at."""
    connection = await asyncpg.connect(shared_database_url)
    try:
        await connection.execute(ELSEWHERE)
        message, known = await talk.says(talk.owner, "this is said here")
        assert await talk.finds(talk.owner, "this", known) == [message]
        plan = "\n".join(row[0] for row in await connection.fetch(EXPLAIN, UUID(talk.channel)))
        assert "Bitmap Index Scan on entry_words (actual rows=1.00 " in plan, plan
    finally:
        await connection.close()


async def test_who_is_in_very_many_channels_is_shown_what_is_new_all_the_same(
    talk: Talk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "MANY_CHANNELS", 0)
    first, known = await talk.says(talk.owner, "a rainy day")
    assert await talk.finds(talk.member, "rainy", known) == [first]
    second, known = await talk.says(talk.owner, "another rainy day")
    assert await talk.finds(talk.member, "rainy", known) == [second, first]
