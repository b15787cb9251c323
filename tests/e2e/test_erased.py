"""A person is erased, and whatever named them is then searched for everywhere, also in what is restored from before.

Planted strings are used through both APIs of a whole system with several processes of each kind. Afterwards they are
looked for in every table, scratch schemas too, every record of the topics, everything that the processes wrote, answers
of both APIs, views that are built anew, and databases restored from a log that was saved before and one saved after.
"""

import asyncio
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import httpx2
import pytest

from infra.embedded_postgres import EmbeddedPostgres
from infra.kafka.cluster import Cluster
from projectors.views import PROJECTIONS
from tests.backups import empty_database, everything_in, restore, save_log, save_private
from tests.e2e.conftest import MakeSystem
from tests.system import System, run_mimo
from tests.topics import read_log, read_topics, until_topics_hold_the_log
from tests.until import until

EMAIL = "Zephyrine.Quillfeather@planted.example"
FIRST_NAME, NAME = "Zephyrine Quillfeather", "Countess Zephyrine"
FIRST_TEXT, TEXT, LAST_TEXT = "the walrus hums 7319", "the walrus sings 7319", "the narwhal knows 4047"
PLANTED = (EMAIL, FIRST_NAME, NAME, FIRST_TEXT, TEXT, LAST_TEXT)
PASSWORD = "an engine of brass"
READS = 8
"""More than one process answers, each with a memory of its own."""
SEVERAL = ("--workers", "2", "--projector-workers", "2")
KEY = "select value from log.private where name = 'data_key/' || $1"


@dataclass
class Person:
    """Somebody who uses a system."""

    system: System
    email: str
    headers: dict[str, str]
    user_id: str = ""

    def does(self, method: str, path: str, content: Any = None) -> httpx2.Response:
        """Sends a command that must succeed."""
        address = f"{self.system.command}{path}"
        return httpx2.request(method, address, json=content, headers=self.headers).raise_for_status()

    def reads(self, path: str, bookmark: str = "") -> str:
        """An answer, which must be there."""
        headers = {**self.headers, "Prefer": "wait=10"} | ({"Mimo-Bookmark": bookmark} if bookmark else {})
        return httpx2.get(f"{self.system.query}{path}", headers=headers).raise_for_status().text


def sign_in(system: System, email: str) -> httpx2.Response:
    return httpx2.post(f"{system.command}/v1/auth/token", data={"username": email, "password": PASSWORD})


def register(system: System, email: str, name: str) -> str:
    registration = {"email": email, "password": PASSWORD, "display_name": name}
    answer = httpx2.post(f"{system.command}/v1/users", json=registration).raise_for_status()
    return str(answer.json()["user_id"])


def person(system: System, email: str) -> Person:
    """A session of somebody who is registered."""
    token = sign_in(system, email).raise_for_status().json()["access_token"]
    return Person(system, email, {"Authorization": f"Bearer {token}"})


def find(haystack: str, planted: tuple[str, ...]) -> list[str]:
    """Which strings occur, as they are or in hexadecimal, in whatever case."""
    content = haystack.lower()
    return [text for text in planted if text.lower() in content or text.encode().hex() in content]


class Story:
    """One system, a course, its owner, and somebody with unusual words."""

    def __init__(self, system: System) -> None:
        self.system = system
        register(system, "owner@example.org", "Owner")
        self.owner = person(system, "owner@example.org")
        made = self.owner.does("POST", "/v1/courses", {"title": "Rings", "description": "and fields"}).json()
        self.course, self.channel = made["course_id"], made["channel_id"]
        self.owner.does("POST", f"/v1/courses/{self.course}/publish")

    def plant(self) -> Person:
        """Everything that somebody can say of themselves, also what is refused."""
        user_id = register(self.system, EMAIL, FIRST_NAME)
        planted = person(self.system, EMAIL)
        planted.user_id = user_id
        planted.does("PATCH", "/v1/me", {"display_name": NAME})
        planted.does("POST", f"/v1/courses/{self.course}/enrollments")
        path = f"/v1/channels/{self.channel}/messages"
        said = planted.does("POST", path, {"text": FIRST_TEXT}).json()
        planted.does("PATCH", f"{path}/{said['message_id']}", {"text": TEXT})
        bookmark = planted.does("POST", path, {"text": LAST_TEXT}).headers["Mimo-Bookmark"]
        again = {"email": EMAIL, "password": PASSWORD, "display_name": NAME}
        assert httpx2.post(f"{self.system.command}/v1/users", json=again).status_code == 409
        form = {"username": EMAIL, "password": "wrong"}
        assert httpx2.post(f"{self.system.command}/v1/auth/token", data=form).status_code == 401
        wrong = {"text": FIRST_TEXT, "more": NAME}
        assert httpx2.post(f"{self.system.command}{path}", json=wrong, headers=planted.headers).status_code == 422
        assert EMAIL in planted.reads("/v1/me", bookmark)
        return planted

    def answers(self, user_id: str, bookmark: str = "", owner: Person | None = None) -> str:
        """All that others are shown of somebody, by every process."""
        asking = owner or self.owner
        paths = (
            f"/v1/channels/{self.channel}/messages", f"/v1/users/{user_id}",
            f"/v1/courses/{self.course}/enrollments", f"/v1/courses/{self.course}",
        )  # fmt: skip
        return "\n".join(asking.reads(path, bookmark) for _ in range(READS) for path in paths)


async def value_of(url: str, question: str, *values: object) -> Any:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(question, *values)
    finally:
        await connection.close()


async def drop_views(url: str) -> None:
    """Nothing of any generation is left: the next start builds the first one."""
    connection = await asyncpg.connect(url)
    try:
        for row in await connection.fetch("select nspname from pg_namespace where nspname ~ '_v[0-9]+_g[0-9]+$'"):
            await connection.execute(f'drop schema "{row["nspname"]}" cascade')
        await connection.execute("delete from projection.generation")
    finally:
        await connection.close()


def look_back(url: str) -> None:
    """Makes scratch schemas of all that was said up to now."""
    for projection in ("users", "messages"):
        made = run_mimo("replay", projection, "--into", f"scratch_{projection}", MIMO_DATABASE_URL=url)
        assert made.returncode == 0, made.stderr


@contextmanager
def running(system: System) -> Iterator[System]:
    """Runs a system while the block lasts."""
    yield system.start()
    assert system.stop() == 0


def views_of(system: System, url: str, folder: Path) -> str:
    """The whole database, once every view has caught up."""

    def built() -> bool:
        status = json.loads(run_mimo("status", "--json", "--data", str(system.data), MIMO_DATABASE_URL=url).stdout)
        lines = status["lines"]
        return len(lines) == len(PROJECTIONS) and all(line["events_behind"] == 0 for line in lines)

    until(built, "the views are built")
    return everything_in(url, folder)


@pytest.fixture
def cluster(kafka_server: str) -> Cluster:
    """The broker, with topics of our own."""
    return Cluster(kafka_server, prefix=f"{uuid4().hex}.")


def test_nothing_that_named_an_erased_person_is_found_anywhere(
    make_system: MakeSystem, postgres_server: EmbeddedPostgres, database_url: str, cluster: Cluster, place: Path
) -> None:
    kafka = {"MIMO_KAFKA_BOOTSTRAP": cluster.bootstrap, "MIMO_KAFKA_PREFIX": cluster.prefix}
    system = make_system(*SEVERAL, MIMO_DATABASE_URL=database_url, MIMO_LOG_LEVEL="debug", **kafka)
    with running(system):
        story = Story(system)
        planted = story.plant()
        key = asyncio.run(value_of(database_url, KEY, planted.user_id)).hex()
        before = place / "before"
        before.mkdir()
        save_log(database_url, before)
        save_private(database_url, before)
        known = planted.does("PATCH", "/v1/me", {"display_name": NAME}).headers["Mimo-Bookmark"]
        look_back(database_url)
        assert find(everything_in(database_url, place), (*PLANTED, key)) == [EMAIL, NAME, TEXT, LAST_TEXT, key]
        assert find(story.answers(planted.user_id, known), PLANTED) == [NAME, TEXT, LAST_TEXT]

        gone = planted.does("DELETE", "/v1/me")
        known = gone.headers["Mimo-Bookmark"]
        assert find(story.answers(planted.user_id, known), PLANTED) == []
        assert sign_in(system, EMAIL).json()["detail"] == sign_in(system, "nobody@example.org").json()["detail"]
        asyncio.run(until_topics_hold_the_log(database_url, cluster))
        _, partitions, events = asyncio.run(read_log(database_url))
        topics = asyncio.run(read_topics(cluster, partitions))
        assert sum(map(len, topics.values())) == len(events)
        assert find(str(topics), (*PLANTED, key)) == []
        until(lambda: not find(everything_in(database_url, place), (*PLANTED, key)), "what was hidden is wiped")
    assert find(system.said(), (*PLANTED, key)) == []
    assert find((postgres_server.folder / "server.log").read_text(), (*PLANTED, key)) == []

    asyncio.run(drop_views(database_url))
    with running(make_system(MIMO_DATABASE_URL=database_url, **kafka)) as again:
        assert find(views_of(again, database_url, place), PLANTED) == []
        assert find(story.answers(planted.user_id, known, person(again, story.owner.email)), PLANTED) == []

    after = place / "after"
    after.mkdir()
    save_log(database_url, after)
    save_private(database_url, after)
    shutil.copy(after / "private.dump", before / "private.dump")  # of which only the newest is ever kept
    for saved in (before, after):
        asyncio.run(restored_holds_nothing(postgres_server, make_system, story, planted.user_id, saved))


async def restored_holds_nothing(
    server: EmbeddedPostgres, make_system: MakeSystem, story: Story, user_id: str, saved: Path
) -> None:
    async with empty_database(server) as url:
        restore(url, saved)
        assert find(everything_in(url, saved), PLANTED) == []
        with running(make_system(MIMO_DATABASE_URL=url)) as system:
            assert find(views_of(system, url, saved), PLANTED) == []
            owner = person(system, story.owner.email)
            assert find(story.answers(user_id, owner=owner), PLANTED) == []
            assert sign_in(system, EMAIL).status_code == 401
            register(system, EMAIL, "Somebody else")


def test_the_log_in_a_data_folder_is_renewed_without_a_running_system_only(make_system: MakeSystem) -> None:
    with running(make_system()) as first:
        register(first, EMAIL, NAME)
        renew = ("log", "renew", "--yes", "--data", str(first.data))
        refused = run_mimo(*renew)
        assert refused.returncode == 1
        assert refused.stderr.startswith("mimo: Stop everything first: mimo-command"), refused.stderr
    renewed = run_mimo(*renew)
    assert renewed.returncode == 0, renewed.stderr
    assert "People erased again: 0." in renewed.stdout
    with running(make_system()) as again:
        headers = person(again, EMAIL).headers
        until(lambda: NAME in httpx2.get(f"{again.query}/v1/me", headers=headers).text, "the views are built anew")
