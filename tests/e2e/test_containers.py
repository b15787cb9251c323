"""Every service of docker-compose.yml as it is started in its container, and the whole used through the ingress.

There is no container engine where tests run: `tests/containers.py` says what stands in for one.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import httpx2
import pytest

from events.catalog import TOPICS
from tests.containers import Containers, containers
from tests.documents import blocks, section
from tests.foreign_images import make_logins
from tests.system import ROOT
from tests.typed_compose import type_lines
from tests.until import until

CLIENT = "127.7.7.7"
"""Where requests come from: an address of its own, so that it can be told from the ingress's."""
PASSWORD = "an engine of brass"


@dataclass
class Origin:
    """The one address that the public sees."""

    http: httpx2.Client

    def sign_in(self, email: str) -> dict[str, str]:
        """The headers of somebody who has signed in."""
        answer = self.http.post("/v1/auth/token", data={"username": email, "password": PASSWORD})
        assert answer.status_code == 200, answer.text
        return {"authorization": f"Bearer {answer.json()['access_token']}"}

    def register(self, email: str) -> None:
        """A new account."""
        body = {"email": email, "display_name": email.partition("@")[0], "password": PASSWORD}
        assert self.http.post("/v1/users", json=body).status_code == 201

    def does(self, path: str, headers: dict[str, str], body: Any = None) -> httpx2.Response:
        """A command that succeeds."""
        answer = self.http.post(path, json=body, headers=headers)
        assert answer.status_code in (200, 201), answer.text
        return answer


@pytest.fixture(scope="module")
def running() -> Iterator[Containers]:
    """Everything, with two of what can be scaled."""
    with containers(MIMO_LOG_LEVEL="debug") as made:
        made.up(projector=2, relay=2, command_api=2, operations=2)
        yield made


@pytest.fixture
def origin(running: Containers) -> Iterator[Origin]:
    """A client of the ingress."""
    transport = httpx2.HTTPTransport(local_address=CLIENT)
    with httpx2.Client(base_url=f"http://{running.address(8080)}", transport=transport, timeout=30) as http:
        yield Origin(http)


def test_a_course_is_taught_through_the_one_origin(running: Containers, origin: Origin) -> None:
    origin.register("ada@example.org")
    origin.register("charles@example.org")
    ada, charles = origin.sign_in("ada@example.org"), origin.sign_in("charles@example.org")
    made = origin.does("/v1/courses", ada, {"title": "The Engine", "description": "What it can do."}).json()
    origin.does(f"/v1/courses/{made['course_id']}/publish", ada)
    origin.does(f"/v1/courses/{made['course_id']}/enrollments", charles)
    messages = f"/v1/channels/{made['channel_id']}/messages"
    said = origin.does(messages, charles, {"text": "Good morning"})
    bookmark = {"mimo-bookmark": said.headers["mimo-bookmark"], "prefer": "wait=10"}
    read = origin.http.get(messages, headers={**ada, **bookmark})
    assert [(item["text"], item["author_name"]) for item in read.json()["items"]] == [("Good morning", "charles")]
    operator = running.container("mimo")
    position = json.loads(operator.run("status", "--json"))["position"]
    until(lambda: f"\n{position} events in {len(TOPICS)} topics" in operator.run("topics"), "Kafka holds the whole log")
    assert "Nothing is wrong." in operator.run("doctor")


def test_who_the_client_is_gets_through_and_what_it_claims_to_be_does_not(running: Containers, origin: Origin) -> None:
    for path in ("/v1/who-reads", "/v1/auth/who-asks"):
        origin.http.get(path, headers={"x-forwarded-for": "192.0.2.7", "x-forwarded-proto": "https"})
    logs = "".join(container.said() for name in ("command-api", "query-api") for container in running.of(name))
    lines = [json.loads(line) for line in logs.splitlines() if "/who-" in line]
    assert [line["address"] for line in lines] == [CLIENT, CLIENT]


def test_what_is_for_operators_is_not_there_for_the_public(running: Containers, origin: Origin) -> None:
    assert origin.http.get("/.well-known/jwks.json").json()["keys"]
    for path in (
        "/docs",
        "/openapi.json",
        "/readyz",
        "/livez",
        "/metrics",
        "/v1/../metrics",
        "/v1/%2e%2e/metrics",
    ):
        answer = origin.http.get(httpx2.URL(origin.http.base_url, raw_path=path.encode()))
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found"), path
        assert answer.headers["content-type"] == "application/problem+json"
    for port in (8001, 8002, 8003, 8004, 8005):
        assert httpx2.get(f"http://{running.address(port)}/metrics").status_code == 200


def test_the_pages_are_reached_and_send_their_commands_the_same_way(running: Containers, origin: Origin) -> None:
    for path in ("/", "/ops"):
        page = origin.http.get(path)
        assert page.status_code == 200
        assert "connect-src 'self';" in page.headers["content-security-policy"]
    assert origin.http.get("/web/where.json").json() == {"commands": "", "course_creators": "anyone"}
    refused = origin.http.post("/v1/projections/users/verify")
    assert (refused.status_code, refused.json()["code"]) == (401, "unauthenticated")


def test_an_operator_makes_somebody_an_admin(running: Containers, origin: Origin) -> None:
    origin.register("root@example.org")
    assert running.container("mimo").run("users", "grant", "root@example.org", "admin")
    root = origin.sign_in("root@example.org")
    until(lambda: origin.http.get("/v1/pipeline", headers=root).status_code == 200, "an admin sees the pipeline")


def test_a_new_signing_key_is_taken_up_and_nobody_has_to_sign_in_again(
    running: Containers, origin: Origin, tmp_path: Path
) -> None:
    origin.register("old@example.org")
    old = origin.sign_in("old@example.org")
    before = len(origin.http.get("/.well-known/jwks.json").json()["keys"])
    rotation, _ = (block.text for block in blocks(section(ROOT / "docs" / "deployment.md", "Secrets")))
    type_lines(running, rotation, tmp_path)
    assert len(origin.http.get("/.well-known/jwks.json").json()["keys"]) == before + 1
    new = origin.sign_in("old@example.org")
    assert new["authorization"][:100] != old["authorization"][:100], "signed with the new key"
    for headers in (old, new):
        assert origin.http.get("/v1/me", headers=headers).status_code == 200


def test_a_login_that_was_lost_is_made_anew(running: Containers) -> None:
    lost = running.folder / "volumes" / "login-relay" / "pgpass"
    before = lost.read_text()
    lost.unlink()
    running.container("secrets").run()
    make_logins(*running.of("postgres"))
    assert lost.read_text() != before
    running.restart("relay")


@pytest.mark.parametrize(
    ("name", "own", "others"),
    [
        ("command-api", "mimo_command", "mimo_query"),
        ("query-api", "mimo_query", "mimo_command"),
        ("projector", "mimo_projector", "mimo_command"),
        ("relay", "mimo_relay", "mimo_projector"),
        ("operations", "mimo_projector", "mimo_query"),
    ],
)
async def test_a_login_may_be_its_own_application_only(running: Containers, name: str, own: str, others: str) -> None:
    connection = await asyncpg.connect(running.container(name).environment["MIMO_DATABASE_URL"])
    try:
        await connection.execute(f"set role {own}")
        await connection.execute("reset role")
        for forbidden in (f"set role {others}", "set role mimo", "set role postgres", "table log.private"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(forbidden)
    finally:
        await connection.close()


async def test_the_owner_of_the_database_is_no_superuser(running: Containers) -> None:
    connection = await asyncpg.connect(running.container("migrate").environment["MIMO_DATABASE_URL"])
    try:
        rights = "select rolsuper or rolcreaterole or rolcreatedb or rolbypassrls from pg_roles where rolname = 'mimo'"
        assert await connection.fetchval(rights) is False
        assert await connection.fetchval("select datlocprovider from pg_database where datname = 'mimo'") == b"b"
    finally:
        await connection.close()


def test_everything_ends_in_time_and_comes_back_from_the_documented_backup(
    running: Containers, origin: Origin, tmp_path: Path
) -> None:
    origin.register("staying@example.org")
    saved, restored = (block.text for block in blocks(section(ROOT / "docs" / "deployment.md", "Back up")))
    type_lines(running, saved, tmp_path)
    with pytest.raises(AssertionError, match="at work"):
        running.container("mimo").run("log", "renew", "--yes")
    written = [path for one in running.running for path in one.place.rglob("*") if path.is_file()]
    assert not written, "nobody writes beside the volumes"
    type_lines(running, f"docker compose down --volumes\n{restored}", tmp_path)
    assert origin.sign_in("staying@example.org")
    assert "Nothing is wrong." in running.container("mimo").run("doctor")
