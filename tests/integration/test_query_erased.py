"""What names an erased person is not served from memory once a view has applied it, each view in its own time."""

from uuid import UUID

import pytest_asyncio

from query_api.views.messages import TIMELINE, Span
from tests.integration.query_client import QueryClient
from tests.integration.views_by_hand import Happened, ViewsByHand

NAMELESS = "update read.users_v1 set display_name = null, email = null where user_id = $1"
TEXTLESS = "insert into erased_author values ($1)"


class Talk:
    """Ada, who owns a course, and Bob said something each; the list is in memory."""

    def __init__(self, views: ViewsByHand, queries: QueryClient, ada: UUID, bob: UUID, channel: UUID) -> None:
        self.views, self.queries = views, queries
        self.ada, self.bob, self.channel = ada, bob, channel

    async def listed(self, **headers: str) -> list[tuple[str | None, str | None, bool]]:
        """Author's name, text and whether it was deleted, newest first."""
        items = await self.queries.items(f"/v1/channels/{self.channel}/messages", self.ada, **headers)
        return [(item["author_name"], item["text"], item["deleted"]) for item in items]

    async def erased(self, user_id: UUID) -> Happened:
        """Somebody was erased; no view shows it yet."""
        return await self.views.happen("users", user_id, "UserErased", user_id=user_id)


@pytest_asyncio.fixture(loop_scope="session")
async def talk(views: ViewsByHand, queries: QueryClient) -> Talk:
    ada, bob = await views.person("Ada"), await views.person("Bob")
    channel = await views.channel(await views.course(ada, "Rings"), ada)
    await views.said(channel, ada, "from Ada")
    said = await views.said(channel, bob, "from Bob")
    talk = Talk(views, queries, ada, bob, channel)
    for _ in range(2):
        assert await talk.listed(mimo_bookmark=views.bookmark(said)) == [
            ("Bob", "from Bob", False),
            ("Ada", "from Ada", False),
        ]
    return talk


async def test_names_and_texts_in_memory_go_as_soon_as_their_view_has_applied_it(talk: Talk) -> None:
    event = await talk.erased(talk.bob)
    known = talk.views.bookmark(event)
    await talk.views.show(event, (NAMELESS, talk.bob), by=["users"])
    profile = await talk.queries.get(f"/v1/users/{talk.bob}", talk.ada, mimo_bookmark=known)
    assert profile.json()["display_name"] is None
    waiting = await talk.queries.get(
        f"/v1/channels/{talk.channel}/messages", talk.ada, mimo_bookmark=known, prefer="wait=0"
    )
    assert (waiting.status_code, waiting.json()["code"]) == (503, "not_caught_up")
    assert await talk.listed() == [(None, "from Bob", False), ("Ada", "from Ada", False)]
    await talk.views.show(event, (TEXTLESS, talk.bob), by=["messages"])
    for _ in range(2):
        assert await talk.listed(mimo_bookmark=known) == [(None, None, False), ("Ada", "from Ada", False)]


async def test_texts_may_go_before_the_name(talk: Talk) -> None:
    event = await talk.erased(talk.bob)
    await talk.views.show(event, (TEXTLESS, talk.bob), by=["messages"])
    later = await talk.views.renamed(talk.ada, "Countess")
    known = talk.views.bookmark(later)
    assert await talk.listed(mimo_bookmark=known) == [("Bob", None, False), ("Countess", "from Ada", False)]
    await talk.views.show(event, (NAMELESS, talk.bob), by=["users"])
    assert (await talk.listed(mimo_bookmark=talk.views.bookmark(event)))[0] == (None, None, False)


async def test_a_timeline_stays_in_memory_when_its_authors_do_anything_else(talk: Talk) -> None:
    cache = talk.queries.app.state.freshness.cache
    span = Span(talk.channel, 2**62, 0, 51)
    entry = cache.get((TIMELINE.name, span))
    assert entry is not None
    event = await talk.views.renamed(talk.bob, "Robert")
    assert (await talk.listed(mimo_bookmark=talk.views.bookmark(event)))[0][0] == "Robert"
    assert entry.alive
    event = await talk.erased(talk.bob)
    await talk.views.show(event, (NAMELESS, talk.bob), (TEXTLESS, talk.bob))
    await talk.listed(mimo_bookmark=talk.views.bookmark(event))
    assert not entry.alive
