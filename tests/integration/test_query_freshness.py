"""Bookmarks and the read cache on a real database: nobody is shown something older than what they know of."""

import asyncio
from random import Random
from time import monotonic
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from tests.integration.query_client import QueryClient, query_client
from tests.integration.views_by_hand import RENAME, TOPICS, ViewsByHand

TRACKERS = """
select pid from pg_stat_activity where application_name = 'mimo-query' and datname = current_database()
and query not like '%session_ends%'
"""
PARK = """
insert into projection.parked (projection, generation, topic, partition, "offset", key, event_id, type, error)
select $1, g.generation, $2, $3, $4, $5, gen_random_uuid(), 'UserProfileChanged', 'cannot be applied'
from projection.generation g where g.projection = $1 and g.status = 'live'
"""


async def name_of(queries: QueryClient, user_id: UUID, **headers: Any) -> str:
    answer = await queries.get(f"/v1/users/{user_id}", user_id, **headers)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["display_name"])


def merged(known: str, answered: str) -> str:
    """What a client keeps: of each place the latest that it was ever told."""
    latest: dict[str, int] = {}
    history, *items = f"{answered},{known}".split(",")
    for item in items:
        if not item.startswith("log."):
            place, offset = item.split(":")
            latest[place] = max(latest.get(place, 0), int(offset))
    return ",".join([history, *(f"{place}:{offset}" for place, offset in latest.items())])


class TestBookmarks:
    async def test_a_read_waits_for_its_bookmark(self, views: ViewsByHand, queries: QueryClient) -> None:
        ada = await views.person("Ada")
        assert await name_of(queries, ada) == "Ada"
        event = await views.happen("users", ada, "UserProfileChanged", user_id=ada)
        waiting = asyncio.create_task(name_of(queries, ada, mimo_bookmark=views.bookmark(event), prefer="wait=10"))
        assert await name_of(queries, ada) == "Ada"
        assert not waiting.done()
        await views.show(event, (RENAME, ada, "Countess"))
        assert await waiting == "Countess"
        assert await name_of(queries, ada) == "Countess"

    async def test_who_waits_in_vain_is_told_the_lag(self, views: ViewsByHand, queries: QueryClient) -> None:
        ada = await views.person("Ada")
        assert await name_of(queries, ada, mimo_bookmark=views.bookmark(views.last)) == "Ada"
        event = await views.happen("users", ada, "UserProfileChanged", user_id=ada)
        began = monotonic()
        answer = await queries.get("/v1/me", ada, mimo_bookmark=views.bookmark(event), prefer="wait=0")
        assert monotonic() - began < 0.5
        assert (answer.status_code, answer.json()["code"]) == (503, "not_caught_up")
        assert f"users is 1 event behind in partition {event.partition}" in answer.json()["detail"]
        assert int(answer.headers["retry-after"]) >= 1
        began = monotonic()
        assert (await queries.get("/v1/me", ada, mimo_bookmark=views.bookmark(event))).status_code == 503
        assert 0.9 < monotonic() - began < 3

    async def test_only_projections_behind_the_answer_are_waited_for(
        self, views: ViewsByHand, queries: QueryClient
    ) -> None:
        ada = await views.person("Ada")
        event = await views.happen("messages", ada, "MessageSent")
        answer = await queries.get("/v1/me", ada, mimo_bookmark=views.bookmark(event), prefer="wait=0")
        assert answer.status_code == 200
        unknown = views.bookmark(event) + ",reports.1:5,users.5000:7"
        assert (await queries.get("/v1/me", ada, mimo_bookmark=unknown, prefer="wait=0")).status_code == 200

    async def test_several_bookmarks_are_joined(self, views: ViewsByHand, queries: QueryClient) -> None:
        ada = await views.person("Ada")
        first = await views.renamed(ada, "A")
        second = await views.happen("users", ada, "UserProfileChanged", user_id=ada)
        both = f"{views.bookmark(second)}, {views.bookmark(first)}"
        assert (await queries.get("/v1/me", ada, mimo_bookmark=both, prefer="wait=0")).status_code == 503

    async def test_an_answer_carries_the_bookmark_that_it_reflects(
        self, views: ViewsByHand, queries: QueryClient
    ) -> None:
        ada, bob = await views.person("Ada"), await views.person("Bob")
        course = await views.course(ada, "Rings")
        channel = await views.channel(course, ada)
        joined = await views.enrolled(course, bob)
        said = await views.said(channel, bob, "hello")
        renamed = await views.renamed(bob, "Robert")
        known = views.bookmark(joined, said, renamed)
        answer = await queries.get(f"/v1/channels/{channel}/messages", bob, mimo_bookmark=known)
        assert set(known.split(",")) <= set(answer.headers["mimo-bookmark"].split(","))
        again = await queries.get(
            f"/v1/channels/{channel}/messages", bob, mimo_bookmark=answer.headers["mimo-bookmark"], prefer="wait=0"
        )
        assert again.status_code == 200

    async def test_a_parked_event_is_told(self, views: ViewsByHand, queries: QueryClient) -> None:
        ada = await views.person("Ada")
        event = await views.happen("users", ada, "UserProfileChanged", user_id=ada)
        await views.show(event, (PARK, "users", TOPICS["users"], event.partition, event.offset, str(ada)))
        answer = await queries.get("/v1/me", ada, mimo_bookmark=views.bookmark(event))
        assert (answer.status_code, answer.json()["code"]) == (503, "parked")
        bob = await views.person("Bob")
        other = await queries.get("/v1/me", bob, mimo_bookmark=views.bookmark(event))
        assert other.status_code == 200, "what was parked of Ada's is not in the way of Bob"
        later = await views.person("Eve")
        assert (await queries.get("/v1/me", later, mimo_bookmark=views.bookmark(event))).status_code == 200


class TestCache:
    async def test_what_nobody_changed_is_served_from_memory(self, views: ViewsByHand, queries: QueryClient) -> None:
        ada, bob = await views.person("Ada"), await views.person("Bob")
        event = await views.renamed(bob, "Robert")
        first = await queries.get("/v1/me", ada, mimo_bookmark=views.bookmark(event))
        await views.connection.execute("update read.users_v1 set display_name = 'by stealth' where user_id = $1", ada)
        answers = queries.app.state.answers.made_from
        before = answers["memory"]
        event = await views.renamed(bob, "Bob")
        again = await queries.get("/v1/me", ada, mimo_bookmark=views.bookmark(event))
        assert again.content == first.content
        assert answers["memory"] == before + 1

    async def test_every_noun_is_renewed_when_it_changes(self, views: ViewsByHand, queries: QueryClient) -> None:
        ada, bob = await views.person("Ada"), await views.person("Bob")
        course = await views.course(ada, "Rings")
        channel = await views.channel(course, ada)
        path = f"/v1/channels/{channel}/messages"
        assert (await queries.get(path, bob)).status_code == 403
        joined = await views.enrolled(course, bob)
        assert (await queries.get(path, bob, mimo_bookmark=views.bookmark(joined))).json()["items"] == []
        said = await views.said(channel, bob, "hello")
        items = await queries.items(path, bob, mimo_bookmark=views.bookmark(said))
        assert items[0]["author_name"] == "Bob"
        renamed = await views.renamed(bob, "Robert")
        items = await queries.items(path, bob, mimo_bookmark=views.bookmark(renamed))
        assert items[0]["author_name"] == "Robert"
        left = await views.left(course, bob)
        assert (await queries.get(path, bob, mimo_bookmark=views.bookmark(left))).status_code == 403
        assert (await queries.get(f"/v1/courses/{course}")).json()["enrolled_count"] == 0
        assert await queries.items("/v1/me/courses", bob) == []
        before = len(await queries.items("/v1/courses"))
        other = await views.course(ada, "Fields")
        listed = await queries.items("/v1/courses", mimo_bookmark=views.bookmark(views.last))
        assert listed[0]["course_id"] == str(other)
        assert len(listed) == before + 1

    async def test_another_generation_empties_the_cache(self, views: ViewsByHand, queries: QueryClient) -> None:
        ada = await views.person("Ada")
        assert await name_of(queries, ada) == "Ada"
        await views.build("users", generation=2)
        await views.connection.execute(
            "insert into read.users_v1 values ($1, 'Anew', null, array['student'], now(), 1)", ada
        )
        async with asyncio.timeout(10):
            while await name_of(queries, ada) != "Anew":
                pass

    async def test_rows_rewritten_in_place_empty_the_cache(self, views: ViewsByHand, queries: QueryClient) -> None:
        """As a retry of parked events does, which moves no checkpoint."""
        ada = await views.person("Ada")
        assert await name_of(queries, ada) == "Ada"
        async with views.connection.transaction():
            await views.connection.execute(RENAME, ada, "Retried")
            await views.connection.execute("select pg_notify('mimo_view', 'users!')")
        async with asyncio.timeout(10):
            while await name_of(queries, ada) != "Retried":
                pass

    async def test_a_lost_channel_puts_the_cache_out_of_use(self, views: ViewsByHand, queries: QueryClient) -> None:
        ada = await views.person("Ada")
        assert await name_of(queries, ada) == "Ada"
        freshness = queries.app.state.freshness
        connect, refused = freshness.connect, asyncio.Event()

        async def no_way() -> asyncpg.Connection:
            refused.set()
            raise OSError("the network is down")

        freshness.connect = no_way
        for row in await views.connection.fetch(TRACKERS):
            await views.connection.execute("select pg_terminate_backend($1)", row["pid"])
        await asyncio.wait_for(refused.wait(), 10)
        assert not freshness.current()
        assert len(freshness.cache) == 0
        readiness = (await queries.get("/readyz")).json()["not_ready"]
        assert "freshness" in {missing["name"] for missing in readiness}
        await views.connection.execute("update read.users_v1 set display_name = 'Direct' where user_id = $1", ada)
        assert await name_of(queries, ada) == "Direct", "without a channel every read asks the database"
        event = await views.renamed(ada, "Unheard")
        answer = await queries.get("/v1/me", ada, mimo_bookmark=views.bookmark(event), prefer="wait=0")
        assert answer.json()["code"] == "not_caught_up"
        freshness.connect = connect
        assert await name_of(queries, ada, mimo_bookmark=views.bookmark(event), prefer="wait=10") == "Unheard"

    async def test_views_that_are_not_built_yet_are_told(self, database_url: str) -> None:
        async with query_client(database_url) as queries:
            answer = await queries.get("/v1/me", uuid4())
            assert (answer.status_code, answer.json()["code"]) == (503, "not_caught_up")
            readiness = (await queries.get("/readyz")).json()["not_ready"]
            assert any("users, courses, enrollments, messages, search" in missing["reason"] for missing in readiness)


class TestTorture:
    """Writers change names, readers ask with what they know; meanwhile channels break and generations change."""

    PEOPLE, WRITES, READERS = 6, 60, 8

    @pytest.mark.parametrize("seed", [1, 2])
    async def test_nobody_is_shown_anything_older_than_their_bookmark(
        self, database_url: str, views: ViewsByHand, seed: int
    ) -> None:
        people = [await views.person("0") for _ in range(self.PEOPLE)]
        course = await views.course(people[0], "Rings")
        channel = await views.channel(course, people[0])
        for person in people:
            await views.said(channel, person, "hello")
        shown: dict[UUID, tuple[int, str]] = {person: (0, views.bookmark()) for person in people}
        done = asyncio.Event()
        async with query_client(database_url) as one, query_client(database_url) as two:
            tokens = [await client.token(people[0]) for client in (one, two)]
            assert all(tokens)
            async with asyncio.TaskGroup() as group:
                readers = [
                    group.create_task(self.read((one, two), people, channel, shown, done, Random(seed * 100 + number)))
                    for number in range(self.READERS)
                ]
                group.create_task(self.break_things(database_url, done))
                try:
                    await self.write(views, people, shown, Random(seed))
                finally:
                    done.set()  # a read that is cancelled is answered 503, so its reader would go on for ever
            counted = [reader.result() for reader in readers]
        assert sum(counted) > 200, "too few reads to show anything"

    async def write(
        self, views: ViewsByHand, people: list[UUID], shown: dict[UUID, tuple[int, str]], lot: Random
    ) -> None:
        for number in range(1, self.WRITES + 1):
            person = lot.choice(people)
            event = await views.happen("users", person, "UserProfileChanged", user_id=person)
            shown[person] = (number, views.bookmark(event))  # acknowledged; not shown yet
            await asyncio.sleep(lot.random() * 0.02)
            await views.show(event, (RENAME, person, str(number)))
            await asyncio.sleep(lot.random() * 0.02)

    async def read(
        self,
        clients: tuple[QueryClient, QueryClient],
        people: list[UUID],
        channel: UUID,
        shown: dict[UUID, tuple[int, str]],
        done: asyncio.Event,
        lot: Random,
    ) -> int:
        owner, reads = people[0], 0
        seen, known = dict.fromkeys(people, 0), shown[owner][1]
        while not done.is_set():
            person, client = lot.choice(people), lot.choice(clients)
            newest, bookmark = shown[person] if lot.random() < 0.5 else (0, known)
            if lot.random() < 0.5:
                answer = await client.get(f"/v1/users/{person}", owner, mimo_bookmark=f"{bookmark},{known}")
                names = {person: answer.json().get("display_name")}
            else:
                path = f"/v1/channels/{channel}/messages"
                answer = await client.get(path, owner, mimo_bookmark=f"{bookmark},{known}")
                names = {UUID(item["author_id"]): item["author_name"] for item in answer.json().get("items", ())}
            if answer.status_code == 503:
                continue
            assert answer.status_code == 200, answer.text
            reads += 1
            known = merged(known, answer.headers["mimo-bookmark"])
            assert int(names[person]) >= newest, "older than the bookmark of a write"
            for somebody, name in names.items():
                assert int(name) >= seen[somebody], "older than what the same reader saw before"
                seen[somebody] = int(name)
        return reads

    async def break_things(self, url: str, done: asyncio.Event) -> None:
        connection = await asyncpg.connect(url)
        try:
            while not done.is_set():
                await asyncio.sleep(0.5)
                for row in await connection.fetch(TRACKERS):
                    await connection.execute("select pg_terminate_backend($1)", row["pid"])
        finally:
            await connection.close()
