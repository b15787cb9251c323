"""Look-ups are shared, never joined too late, and an answer is of one moment."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any
from uuid import UUID

import asyncpg
import pytest
import pytest_asyncio

from events.errors import NotCaughtUp, NotFound, Overloaded
from infra.postgres import Role, connect, pool
from query_api.answers import Answers, Composed
from query_api.asked import Asked
from query_api.cache import ReadCache
from query_api.checkpoints import PROJECTIONS, Behind, History
from query_api.freshness import Freshness
from query_api.lookups import Lookup
from query_api.reading import CachedReading, Reading, SharedLookups
from query_api.views.messages import TIMELINE, Span
from query_api.views.users import PEOPLE, PERSON, Person
from tests.integration.views_by_hand import NAMELESS, RENAME, TEXTLESS, ViewsByHand


class Slow:
    """The look-up of people, which waits at its beginning and its end for the test to let it go on."""

    def __init__(self) -> None:
        self.asked: list[Sequence[UUID]] = []
        self.before, self.after = asyncio.Event(), asyncio.Event()
        self.begun = asyncio.Event()
        self.lookup: Lookup[UUID, Person | None] = Lookup(
            "slow", "users", self.fetch, PERSON.event_key, PERSON.changed_by, PERSON.size_bytes
        )

    async def fetch(self, connection: asyncpg.Connection, behind: Behind, keys: Sequence[UUID]) -> Any:
        self.asked.append(keys)
        self.begun.set()
        await self.before.wait()
        found = await PERSON.fetch(connection, behind, keys)
        await self.after.wait()
        return found


@pytest_asyncio.fixture(loop_scope="session")
async def connections(database_url: str, views: ViewsByHand) -> AsyncIterator[asyncpg.Pool]:
    async with pool(database_url, application="test", role=Role.QUERY, max_size=4) as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="session")
async def tracked(database_url: str, views: ViewsByHand) -> AsyncIterator[tuple[Freshness, asyncpg.Connection]]:
    """A tracker that looks only when the test says so."""
    connection = await connect(database_url, application="test", role=Role.QUERY)
    freshness = Freshness(ReadCache(10_000_000), connect=None)  # type: ignore[arg-type]
    freshness.history = History(views.log_id, views.partitions)
    await freshness.look(connection)
    yield freshness, connection
    await connection.close()


async def test_who_asks_together_shares_one_statement(
    views: ViewsByHand, connections: asyncpg.Pool, tracked: tuple[Freshness, asyncpg.Connection]
) -> None:
    people = [await views.person(f"P{number}") for number in range(5)]
    freshness, _ = tracked
    shared, slow = SharedLookups(connections, freshness), Slow()
    slow.before.set()
    slow.after.set()
    readings = [CachedReading(freshness, shared) for _ in range(20)]
    found = await asyncio.gather(*(r.one(slow.lookup, people[n % 5]) for n, r in enumerate(readings)))
    assert [person.display_name for person in found if person] == [f"P{n % 5}" for n in range(20)]
    assert [sorted(keys) for keys in slow.asked] == [sorted(people)]


async def test_nobody_joins_a_statement_that_has_begun(
    views: ViewsByHand, connections: asyncpg.Pool, tracked: tuple[Freshness, asyncpg.Connection]
) -> None:
    ada = await views.person("Ada")
    freshness, connection = tracked
    await freshness.look(connection)
    shared, slow = SharedLookups(connections, freshness), Slow()
    slow.before.set()
    early = asyncio.create_task(CachedReading(freshness, shared).one(slow.lookup, ada))
    await slow.begun.wait()
    await views.renamed(ada, "Countess")
    await freshness.look(connection)
    late = asyncio.create_task(CachedReading(freshness, shared).one(slow.lookup, ada))
    slow.after.set()
    assert (await late).display_name == "Countess"  # type: ignore[union-attr]
    assert (await early) is not None
    assert len(slow.asked) == 2


async def test_who_gives_up_waiting_leaves_the_others_their_answer(
    views: ViewsByHand, connections: asyncpg.Pool, tracked: tuple[Freshness, asyncpg.Connection]
) -> None:
    ada = await views.person("Ada")
    freshness, _ = tracked
    shared, slow = SharedLookups(connections, freshness), Slow()
    slow.after.set()
    hasty, patient = (asyncio.create_task(CachedReading(freshness, shared).one(slow.lookup, ada)) for _ in "12")
    await slow.begun.wait()
    hasty.cancel()
    slow.before.set()
    assert (await patient).display_name == "Ada"  # type: ignore[union-attr]
    with pytest.raises(asyncio.CancelledError):
        await hasty


async def test_rows_of_two_moments_are_read_anew_in_one_snapshot(
    views: ViewsByHand, connections: asyncpg.Pool, tracked: tuple[Freshness, asyncpg.Connection]
) -> None:
    """Ada is in the cache; her partition moves on, unnoticed yet; whoever is looked up now is newer than she."""
    ada = await views.person("Ada")
    bob = await views.person("Bob", views.neighbour_of(ada))
    freshness, connection = tracked
    await freshness.look(connection)
    answers = Answers(connections, freshness, 1_000_000)

    async def names(*ids: UUID) -> tuple[list[str], str]:
        async def compose(reading: Reading) -> Composed:
            found = await reading.many(PERSON, ids)
            return Composed(",".join(str(person and person.display_name) for person in found).encode())

        asked = Asked({"path": "/", "query_string": b""}, {})
        ready = await answers.answer(asked, ("names", ids), ("users",), compose)
        return bytes(ready.body).decode().split(","), dict(ready.raw_headers)[b"mimo-bookmark"].decode()

    assert (await names(ada))[0] == ["Ada"]
    both = await views.happen("users", ada, "UserProfileChanged", user_id=ada)
    await views.show(both, (RENAME, ada, "New Ada"))
    seen, bookmark = await names(ada, bob)
    assert seen == ["New Ada", "Bob"], "not an old Ada beside a Bob that is newer"
    assert bookmark == views.bookmark(both)
    assert answers.made_from == {"memory": 0, "rows": 1, "snapshot": 1}


async def test_where_two_views_share_a_topic_the_bookmark_asks_both_for_the_larger_offset(
    views: ViewsByHand, connections: asyncpg.Pool, tracked: tuple[Freshness, asyncpg.Connection]
) -> None:
    """With the smaller one, a process that is behind would show again the text that this reader saw gone."""
    ada, (freshness, connection) = await views.person("Ada"), tracked
    channel = await views.channel(await views.course(ada, "Rings"), ada)
    await views.said(channel, ada, "hello")
    other = Freshness(ReadCache(10_000_000), connect=None)  # type: ignore[arg-type]
    other.history = freshness.history
    processes = [(one, Answers(connections, one, 1_000_000)) for one in (freshness, other)]

    async def compose(reading: Reading) -> Composed:
        timeline = await reading.one(TIMELINE, Span(channel, 2**62, 0, 1))
        person = await reading.one(PERSON, ada)
        assert timeline
        assert person
        return Composed(person.name_json + timeline.messages[0].tail)

    async def said(answers: Answers, bookmark: str = "") -> tuple[bytes, str]:
        headers = {b"prefer": b"wait=0"} | ({b"mimo-bookmark": bookmark.encode()} if bookmark else {})
        asked = Asked({"path": "/", "query_string": b""}, headers)
        ready = await answers.answer(asked, "said", ("messages", "users"), compose)
        return bytes(ready.body), dict(ready.raw_headers)[b"mimo-bookmark"].decode()

    for one, answers in processes:
        await one.look(connection)
        assert b'"Ada","text":"hello"' in (await said(answers))[0]
    event = await views.happen("users", ada, "UserErased", user_id=ada)
    await views.show(event, (TEXTLESS, ada), by=["messages"])
    await freshness.look(connection)
    (_, here), (_, there) = processes
    seen, bookmark = await said(here)
    assert b'"Ada","text":null' in seen
    assert views.bookmark(event).split(",")[1] in bookmark.split(",")
    assert b'"hello"' in (await said(there))[0], "it has not looked since, and nobody asked for more"
    with pytest.raises(NotCaughtUp, match="messages is 1 event behind"):
        await said(there, bookmark)
    await other.look(connection)
    with pytest.raises(NotCaughtUp, match="users is 1 event behind"):
        await said(there, bookmark)
    await views.show(event, (NAMELESS, ada), by=["users"])
    await other.look(connection)
    assert b'null,"text":null' in (await said(there, bookmark))[0]


async def test_the_checkpoints_are_planned_with_the_statement_that_reads_them(
    connections: asyncpg.Pool, tracked: tuple[Freshness, asyncpg.Connection]
) -> None:
    """Called, the function would be a statement of its own within each look-up."""
    plan = await connections.fetch(f"explain (verbose) {PEOPLE}", *PROJECTIONS["users"], [UUID(int=1)])
    text = "\n".join(row[0] for row in plan)
    assert "projection.checkpoint" in text
    assert "read.checkpoints" not in text


async def test_a_refusal_needs_rows_as_new_as_the_bookmark(
    views: ViewsByHand, connections: asyncpg.Pool, tracked: tuple[Freshness, asyncpg.Connection]
) -> None:
    freshness, connection = tracked
    answers = Answers(connections, freshness, 1_000_000)

    async def compose(reading: Reading) -> Composed:
        if await reading.one(PERSON, ada) is None:
            raise NotFound("nobody")
        return Composed(b"somebody")

    ada = await views.person("Ada")
    bookmark = views.bookmark(views.last)
    await freshness.look(connection)
    asked = Asked({"path": "/", "query_string": b""}, {b"mimo-bookmark": bookmark.encode()})
    assert (await answers.answer(asked, "one", ("users",), compose)).body == b"somebody"


async def test_a_database_that_is_away_is_said(
    views: ViewsByHand, connections: asyncpg.Pool, tracked: tuple[Freshness, asyncpg.Connection]
) -> None:
    freshness, _ = tracked

    async def broken(connection: asyncpg.Connection, behind: Behind, keys: Sequence[UUID]) -> Any:
        raise asyncpg.ConnectionDoesNotExistError("gone")

    lookup: Lookup[UUID, Any] = Lookup("broken", "users", broken, str, lambda *_: (), lambda _: 0)
    shared = SharedLookups(connections, freshness)
    with pytest.raises(Overloaded):
        await CachedReading(freshness, shared).one(lookup, UUID(int=1))
    with pytest.raises(Overloaded):
        await CachedReading(freshness, shared).one(lookup, UUID(int=1))


async def test_nobody_waits_for_ever_when_no_connection_can_be_opened(
    database_url: str, tracked: tuple[Freshness, asyncpg.Connection]
) -> None:
    freshness, _ = tracked
    dropped = database_url + "_dropped"
    async with pool(dropped, application="test", role=Role.QUERY, min_size=0) as connections:
        shared = SharedLookups(connections, freshness)
        for _ in range(2):
            with pytest.raises(asyncpg.InvalidCatalogNameError):
                await asyncio.wait_for(shared.ask(PERSON, UUID(int=1)), 5)
