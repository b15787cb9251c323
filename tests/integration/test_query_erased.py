"""What names an erased person is not served from memory once a view has applied it, each view in its own time."""

from uuid import UUID

import pytest
import pytest_asyncio

from infra.ids import new_id
from query_api.views.messages import TIMELINE, Span
from tests.integration.query_client import QueryClient
from tests.integration.views_by_hand import NAMELESS, RENAME, TEXTLESS, Happened, ViewsByHand


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


async def talked(views: ViewsByHand, queries: QueryClient, ada: UUID, bob: UUID) -> Talk:
    """Both said something, and were read twice."""
    await views.person("Ada", ada)
    await views.person("Bob", bob)
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


@pytest_asyncio.fixture(loop_scope="session")
async def talk(views: ViewsByHand, queries: QueryClient) -> Talk:
    """What happens to one of the two says nothing about how far a view is with the other."""
    ada = new_id()
    return await talked(views, queries, ada, views.stranger_to(ada))


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


async def test_what_comes_after_an_erasure_in_its_partition_waits_for_it_in_every_view(
    views: ViewsByHand, queries: QueryClient
) -> None:
    ada = new_id()
    bob = views.neighbour_of(ada)
    talk = await talked(views, queries, ada, bob)
    event = await talk.erased(bob)
    later = await views.happen("users", ada, "UserProfileChanged", user_id=ada)
    await views.show(event, (TEXTLESS, bob), by=["messages"])
    await views.show(later, by=["messages"])
    assert (await talk.listed())[1] == ("Ada", "from Ada", False)
    for known in (views.bookmark(event), views.bookmark(later)):
        path = f"/v1/channels/{talk.channel}/messages"
        waiting = await queries.get(path, ada, mimo_bookmark=known, prefer="wait=0")
        assert waiting.json()["code"] == "not_caught_up", "messages has it, users has not"
    with pytest.raises(AssertionError, match="out of order"):
        await views.show(later, (RENAME, ada, "Countess"), by=["users"])
    await views.show(event, (NAMELESS, bob), by=["users"])
    assert (await talk.listed(mimo_bookmark=views.bookmark(event)))[0] == (None, None, False)
    await views.show(later, (RENAME, ada, "Countess"), by=["users"])
    assert await talk.listed(mimo_bookmark=views.bookmark(later)) == [
        (None, None, False),
        ("Countess", "from Ada", False),
    ]


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
