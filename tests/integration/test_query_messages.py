"""Replies, mentions and reactions as members see them: in shape, in time, and never with somebody else's `mine`."""

from uuid import UUID, uuid4

import pytest_asyncio

from infra.ids import new_id
from query_api import shapes
from tests.integration.query_client import QueryClient
from tests.integration.views_by_hand import MOVE, NAMELESS, TEXTLESS, Happened, ViewsByHand

MENTION = "update message set mentions = $2 where message_id = $1"
REPLY = "update message set thread_id = $2 where message_id = $1"
REPLIED = "update message set reply_count = reply_count + 1 where message_id = $1"
REACT = "insert into reaction values ($1, $2, $3, $4, $5)"
UNREACT = "delete from reaction where message_id = $1 and emoji = $2 and user_id = $3"
LAST_SEQ = "update channel set last_seq = $2 where channel_id = $1"


class Talk:
    """Ada owns a course in which Bob is; they are in its channel."""

    def __init__(self, views: ViewsByHand, queries: QueryClient, ada: UUID, bob: UUID, channel: UUID) -> None:
        self.views, self.queries = views, queries
        self.ada, self.bob, self.channel = ada, bob, channel

    async def said(self, text: str, *, thread: UUID | None = None, mentions: tuple[UUID, ...] = ()) -> Happened:
        event = await self.views.happen("messages", self.channel, "MessageSent", channel_id=self.channel)
        await self.views.show(
            event,
            (
                "insert into message values ($1, $2::bigint, $2::bigint - 1, $3, $4, $5, $6, null, false, $7, 0, $8)",
                self.channel, event.version, event.id, self.ada, text, self.views.moment, thread, mentions or None,
            ),
            (MOVE, self.channel, event.version),
            *([(REPLIED, thread)] if thread else []),
        )  # fmt: skip
        return event

    async def reacted(self, message: Happened, *people: UUID, emoji: str = "👍", there: bool = True) -> Happened:
        kind = "ReactionAdded" if there else "ReactionRemoved"
        for user_id in people:
            event = await self.views.happen("messages", self.channel, kind, message_id=message.id)
            change = (
                (REACT, message.id, emoji, user_id, self.channel, self.views.moment)
                if there
                else (UNREACT, message.id, emoji, user_id)
            )
            await self.views.show(event, change, (LAST_SEQ, self.channel, event.version))
        return event

    async def read(self, user_id: UUID, after: Happened, query: str = "") -> list[shapes.Message]:
        answer = await self.queries.get(
            f"/v1/channels/{self.channel}/messages{query}", user_id, mimo_bookmark=self.views.bookmark(after)
        )
        assert answer.status_code == 200, answer.text
        return shapes.MessageList.model_validate_json(answer.content, strict=True, extra="forbid").items


@pytest_asyncio.fixture(loop_scope="session")
async def talk(views: ViewsByHand, queries: QueryClient) -> Talk:
    ada, bob = await views.person("Ada"), await views.person("Bob")
    course = await views.course(ada, "Rings")
    await views.enrolled(course, bob)
    return Talk(views, queries, ada, bob, await views.channel(course, ada))


async def test_reactions_are_the_callers_own_only_for_the_caller(talk: Talk) -> None:
    message = await talk.said("hello")
    assert [one.reactions for one in await talk.read(talk.bob, message)] == [[]]
    event = await talk.reacted(message, talk.bob)
    event = await talk.reacted(message, talk.ada, talk.bob, emoji="🎉")
    for _ in range(2):  # the second time from memory
        for user_id, mine in ((talk.ada, [False, True]), (talk.bob, [True, True]), (talk.ada, [False, True])):
            [shown] = await talk.read(user_id, event)
            assert [(one.emoji, one.count, one.user_ids) for one in shown.reactions] == [
                ("👍", 1, [talk.bob]),
                ("🎉", 2, [talk.ada, talk.bob]),
            ]
            assert [one.mine for one in shown.reactions] == mine
    event = await talk.reacted(message, talk.bob, there=False)
    [shown] = await talk.read(talk.bob, event)
    assert [(one.emoji, one.mine) for one in shown.reactions] == [("🎉", True)]


async def test_of_many_reactions_twenty_people_are_named_and_whoever_is_not_finds_their_own(talk: Talk) -> None:
    message = await talk.said("hello")
    crowd = [new_id() for _ in range(24)]
    event = await talk.reacted(message, *crowd[:22], talk.bob, *crowd[22:])
    for user_id, mine in ((talk.bob, True), (talk.ada, False)):
        [reaction] = (await talk.read(user_id, event))[0].reactions
        assert (reaction.count, reaction.user_ids, reaction.mine) == (25, crowd[:20], mine)
    event = await talk.reacted(message, talk.bob, there=False)
    [reaction] = (await talk.read(talk.bob, event))[0].reactions
    assert (reaction.count, reaction.mine) == (24, False)
    for number in range(60):
        event = await talk.reacted(message, talk.ada, emoji=chr(0x1F400 + number))
    told = [one.emoji for one in (await talk.read(talk.bob, event))[0].reactions]
    assert told == ["👍", *(chr(0x1F400 + number) for number in range(49))]


async def test_who_is_mentioned_is_named_as_they_are_called_now(talk: Talk) -> None:
    stranger = uuid4()
    event = await talk.said(f"<@{stranger}> and <@{talk.bob}>", mentions=(stranger, talk.bob))
    for _ in range(2):
        [shown] = await talk.read(talk.ada, event)
        assert [(one.user_id, one.display_name) for one in shown.mentions] == [(stranger, None), (talk.bob, "Bob")]
    renamed = await talk.views.renamed(talk.bob, "Robert")
    [shown] = await talk.read(talk.ada, renamed)
    assert [one.display_name for one in shown.mentions] == [None, "Robert"]


async def test_whom_an_erased_author_mentioned_goes_with_the_text_and_reactions_stay(talk: Talk) -> None:
    message = await talk.said(f"<@{talk.bob}>", mentions=(talk.bob,))
    event = await talk.reacted(message, talk.ada)
    [shown] = await talk.read(talk.bob, event)
    assert (len(shown.mentions), len(shown.reactions)) == (1, 1)
    erased = await talk.views.happen("users", talk.ada, "UserErased", user_id=talk.ada)
    await talk.views.show(erased, (NAMELESS, talk.ada), by=["users"])
    await talk.views.show(erased, (TEXTLESS, talk.ada), by=["messages"])
    [shown] = await talk.read(talk.bob, erased)
    assert (shown.text, shown.author_name, shown.mentions) == (None, None, [])
    assert [one.user_ids for one in shown.reactions] == [[talk.ada]]


async def test_replies_stand_in_the_timeline_and_in_their_thread(talk: Talk) -> None:
    begun = await talk.said("a question")
    await talk.said("something else")
    for number in range(5):
        event = await talk.said(f"answer {number}", thread=begun.id)
    timeline = await talk.read(talk.bob, event)
    assert [(one.number, one.thread_id is not None, one.reply_count) for one in timeline] == [
        (7, True, 0), (6, True, 0), (5, True, 0), (4, True, 0), (3, True, 0), (2, False, 0), (1, False, 5),
    ]  # fmt: skip
    path, seen = f"/v1/channels/{talk.channel}/messages?thread={begun.id}&limit=2", []
    while path:
        answer = await talk.queries.get(path, talk.bob)
        seen.append([message["text"] for message in answer.json()["items"]])
        path = answer.headers["link"].split(">")[0].lstrip("<") if "link" in answer.headers else ""
    assert seen == [["answer 4", "answer 3"], ["answer 2", "answer 1"], ["answer 0"]]
    event = await talk.said("answer 5", thread=begun.id)
    assert (await talk.read(talk.bob, event, f"?thread={begun.id}&limit=1"))[0].text == "answer 5"
    assert await talk.read(talk.bob, event, f"?thread={uuid4()}") == []


async def test_one_message_changes_with_what_happens_to_it(talk: Talk) -> None:
    message = await talk.said(f"hello <@{talk.bob}>", mentions=(talk.bob,))
    path = f"/v1/channels/{talk.channel}/messages/{message.id}"
    answer = await talk.queries.get(path, talk.bob, mimo_bookmark=talk.views.bookmark(message))
    shown = shapes.Message.model_validate_json(answer.content, strict=True, extra="forbid")
    assert (shown.message_id, shown.text, shown.reactions) == (message.id, f"hello <@{talk.bob}>", [])
    event = await talk.reacted(message, talk.bob)
    answer = await talk.queries.get(path, talk.bob, mimo_bookmark=talk.views.bookmark(event))
    assert answer.json()["reactions"] == [{"emoji": "👍", "count": 1, "mine": True, "user_ids": [str(talk.bob)]}]
    elsewhere = await talk.views.channel(await talk.views.course(talk.ada, "Groups"), talk.ada)
    for lost in (
        f"/v1/channels/{elsewhere}/messages/{message.id}", f"/v1/channels/{talk.channel}/messages/{uuid4()}"
    ):  # fmt: skip
        assert (await talk.queries.get(lost, talk.ada)).status_code == 404
    assert (await talk.queries.get(path, await talk.views.person("Eve"))).json()["code"] == "not_a_member"
