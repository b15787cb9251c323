"""Erasing a person, over HTTP: what goes at once, in every process, and what refuses it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from time import monotonic
from uuid import UUID

import asyncpg
import pytest_asyncio

from command_api.domain.users import password_name
from events.errors import Forbidden
from infra.sealing import KeyRing
from tests.command_api import PASSWORD, Person, School, school
from tests.integration.whole_product import Whole, whole
from tests.system import run_mimo

ENDED_SECONDS = 1.0
"""What the product promises."""
PATIENCE_SECONDS = 20.0
NAMED = """
    select array_agg(v.name order by v.name) from log.private v
    where v.name like '%' || $1 || '%' or encode(v.value, 'escape') like '%' || $1 || '%'"""
CLAIMED = "select array_agg(scope order by scope) from log.claim where scope || key like '%' || $1 || '%'"


@pytest_asyncio.fixture(loop_scope="session")
async def api(database_url: str) -> AsyncIterator[School]:
    async with school(database_url) as running:
        yield running


async def asked(url: str, question: str, *values: object) -> object:
    """What the database answers."""
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(question, *values)
    finally:
        await connection.close()


async def within(seconds: float, ask: Callable[[], Awaitable[bool]]) -> None:
    """Waits until it is so."""
    async with asyncio.timeout(seconds):
        while not await ask():  # noqa: ASYNC110 - what is waited for happens in another process
            await asyncio.sleep(0.01)


def holds(ring: KeyRing, person: Person) -> bool:
    """Whether somebody's key is at hand."""
    try:
        ring.seal(UUID(person.user_id), b"", b"")
    except Forbidden:
        return False
    return True


async def test_the_answer_names_the_receipt_and_nothing_private_is_left(api: School) -> None:
    ada = await api.person()
    other_session = await api.person_of(ada.email)
    answer = await ada.does("DELETE", "/v1/me", Idempotency_Key="gone")
    assert answer.status_code == 200, answer.text
    assert set(answer.json()) == {"user_id", "receipt_id", "position"}
    assert answer.json()["user_id"] == ada.user_id
    assert answer.headers["mimo-bookmark"].startswith("log.")
    stream = await api.app.state.api.store.read_stream(f"user-{ada.user_id}")
    receipt = stream[-1]
    assert (str(receipt.id), receipt.type) == (answer.json()["receipt_id"], "UserErased")
    assert '"destroyed":["data_key","password","refresh"]' in receipt.data
    assert await asked(api.url, NAMED, ada.user_id) is None
    assert await asked(api.url, CLAIMED, ada.user_id) == ["erased"]
    for session in (ada, other_session):
        assert (await session.does("PATCH", "/v1/me", {"display_name": "still here"})).status_code == 401
        assert (await session.does("DELETE", "/v1/me")).status_code == 401
        assert (await api.refresh(session.refresh_token)).status_code == 401
    assert not holds(api.app.state.api.store.ring, ada)


async def test_signing_in_says_what_it_says_to_strangers_and_the_address_is_free(api: School) -> None:
    ada = await api.person()
    assert (await ada.does("DELETE", "/v1/me")).status_code == 200
    erased, unknown = await api.sign_in(ada.email), await api.sign_in("nobody@example.org")
    assert erased.status_code == unknown.status_code == 401
    assert {**erased.json(), "trace_id": ""} == {**unknown.json(), "trace_id": ""}
    await api.register(ada.email, "another fine one")
    assert (await api.sign_in(ada.email, PASSWORD)).status_code == 401
    tokens = (await api.sign_in(ada.email, "another fine one")).json()
    assert str(api.app.state.api.tokens.verify(tokens["access_token"]).user_id) != ada.user_id


async def test_of_two_who_ask_for_it_at_once_one_is_refused_politely(api: School) -> None:
    ada = await api.person()
    sessions = [ada, await api.person_of(ada.email)]
    answers = await asyncio.gather(*(session.does("DELETE", "/v1/me") for session in sessions))
    assert sorted(answer.status_code for answer in answers) == [200, 401]
    events = await api.app.state.api.store.read_stream(f"user-{ada.user_id}")
    assert [event.type for event in events].count("UserErased") == 1


async def test_nobody_signs_in_with_a_password_that_was_checked_before(api: School) -> None:
    ada = await api.person()
    store = api.app.state.api.store
    login = store.login

    async def erased_meanwhile(email_hmac: str) -> object:
        found = await login(email_hmac)
        store.login = login
        assert (await ada.does("DELETE", "/v1/me")).status_code == 200
        return found

    store.login = erased_meanwhile
    assert (await api.sign_in(ada.email)).status_code == 401
    assert await asked(api.url, NAMED, ada.user_id) is None


async def test_every_process_ends_the_sessions_and_drops_the_key_within_a_second(api: School) -> None:
    ada = await api.person()
    async with school(api.url, data=api.settings.data) as elsewhere:
        there = Person(ada.email, ada.user_id, ada.access_token, ada.refresh_token, elsewhere.client)
        ring = elsewhere.app.state.api.store.ring

        async def at_hand() -> bool:
            """A tail that was lost for a moment makes the ring forget everybody."""
            return (await there.does("PATCH", "/v1/me", {"display_name": "Ada"})).status_code == 200 and holds(
                ring, ada
            )

        await within(PATIENCE_SECONDS, at_hand)
        assert (await ada.does("DELETE", "/v1/me")).status_code == 200

        async def known() -> bool:
            answer = await there.does("PATCH", "/v1/me", {"display_name": "Eve"})
            return answer.status_code == 401 and not holds(ring, ada)

        started = monotonic()
        await within(ENDED_SECONDS, known)
        assert monotonic() - started < ENDED_SECONDS
    types = [event.type for event in await api.app.state.api.store.read_stream(f"user-{ada.user_id}")]
    assert types.index("UserErased") == len(types) - 1, "nobody renames the erased"


async def test_a_change_of_name_that_comes_too_late_is_refused(api: School) -> None:
    ada = await api.person()
    parts = api.app.state.api
    ended = parts.watch.ensure_active

    async def goes_on(*_: object) -> None:
        """As in a process that has not heard yet."""

    assert (await ada.does("DELETE", "/v1/me")).status_code == 200
    parts.store.ring._erased.clear()
    parts.store.ring.add(UUID(ada.user_id), b"k" * 32)
    parts.watch.ensure_active = goes_on
    try:
        late = await ada.does("PATCH", "/v1/me", {"display_name": "Eve"})
        again = await ada.does("DELETE", "/v1/me")
    finally:
        parts.watch.ensure_active = ended
    assert (late.status_code, late.json()["detail"]) == (401, "This account does not exist any more.")
    assert (again.status_code, again.json()["detail"]) == (401, "This session has ended; sign in again.")


async def test_an_operator_erases_after_a_question_and_gets_a_receipt(api: School) -> None:
    ada = await api.person()
    settings = {"MIMO_DATABASE_URL": api.url}
    data = ("--data", str(api.settings.data))
    asked_first = run_mimo("users", "erase", ada.email, *data, **settings)
    assert asked_first.returncode == 1
    assert f"Erase {ada.email}? Their name, address and messages are lost for ever." in asked_first.stderr
    assert (await ada.does("PATCH", "/v1/me", {"display_name": "still here"})).status_code == 200

    done = run_mimo("users", "erase", f" {ada.email.upper()}", "--yes", *data, **settings)
    receipt = json.loads(done.stdout)
    assert set(receipt) == {"event_id", "position", "at", "user_id", "actor", "destroyed"}
    event = await api.app.state.api.store.find(UUID(receipt["event_id"]))
    assert (event.type, event.position, event.key) == ("UserErased", receipt["position"], ada.user_id)
    assert receipt["user_id"] == ada.user_id
    assert receipt["actor"].startswith("operator:")
    assert receipt["destroyed"] == ["data_key", "password", "refresh"]

    async def ended() -> bool:
        return (await ada.does("PATCH", "/v1/me", {"display_name": "gone"})).status_code == 401

    await within(ENDED_SECONDS, ended)
    for command in (("erase", ada.email, "--yes"), ("grant", ada.email, "admin")):
        again = run_mimo("users", *command, *data, **settings)
        assert (again.returncode, again.stderr) == (1, f"mimo: Nobody is registered with {ada.email}.\n")


async def test_views_and_both_apis_forget_who_was_erased(database_url: str) -> None:
    async with whole(database_url) as everything:
        await erased_from_everything(everything)


async def erased_from_everything(everything: Whole) -> None:
    ada, bob = await everything.commands.person(), await everything.commands.person()
    course, channel = await everything.commands.course(ada)
    assert (await bob.does("POST", f"/v1/courses/{course}/enrollments")).status_code == 201
    path = f"/v1/channels/{channel}/messages"
    assert (await bob.does("POST", path, {"text": "from Bob"})).status_code == 201
    sent = await ada.does("POST", path, {"text": "from Ada"})
    known = sent.headers["mimo-bookmark"]
    before = await everything.sees(ada, path, known)
    assert [item["text"] for item in before["items"]] == ["from Ada", "from Bob"]

    gone = await bob.does("DELETE", "/v1/me")
    known = gone.headers["mimo-bookmark"]
    after = (await everything.sees(ada, path, known))["items"]
    assert [(item["author_name"], item["text"], item["deleted"]) for item in after] == [
        ("A Person", "from Ada", False),
        (None, None, False),
    ]
    profile = await everything.sees(ada, f"/v1/users/{bob.user_id}", known)
    assert (profile["user_id"], profile["display_name"]) == (bob.user_id, None)
    roster = await everything.sees(ada, f"/v1/courses/{course}/enrollments", known)
    assert [(item["user_id"], item["display_name"]) for item in roster["items"]] == [(bob.user_id, None)]

    async def ended() -> bool:
        return (await everything.reads(bob, "/v1/me")).status_code == 401

    await within(ENDED_SECONDS, ended)
    assert await asked(everything.commands.url, NAMED, password_name(UUID(bob.user_id))) is None
