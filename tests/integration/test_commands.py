"""Every command over HTTP, with PostgreSQL: what it answers, and what refuses it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID, uuid4

import pytest_asyncio

from tests.command_api import PASSWORD, School, school


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def api(shared_database_url: str) -> AsyncIterator[School]:
    async with school(shared_database_url) as running:
        yield running


def code(answer: object) -> str:
    """The problem's code, after checking that it is a whole problem."""
    content = answer.json()  # type: ignore[attr-defined]
    assert answer.headers["content-type"] == "application/problem+json"  # type: ignore[attr-defined]
    assert set(content) == {"type", "title", "status", "detail", "code", "errors", "trace_id"}
    assert content["status"] == answer.status_code  # type: ignore[attr-defined]
    return str(content["code"])


async def test_registering_answers_the_id_the_position_and_a_bookmark(api: School) -> None:
    body = {"email": "ada@example.org", "password": PASSWORD, "display_name": "Ada"}
    answer = await api.client.post("/v1/users", json=body)
    assert answer.status_code == 201
    assert set(answer.json()) == {"user_id", "position"}
    assert answer.headers["mimo-bookmark"].startswith("log.")
    again = await api.client.post("/v1/users", json={**body, "email": " ADA@example.org".strip()})
    assert (again.status_code, code(again)) == (409, "email_taken")


async def test_weak_passwords_and_wrong_members_are_named_by_pointers(api: School) -> None:
    body = {"email": "no", "password": "short", "display_name": " ", "more": 1}
    answer = await api.client.post("/v1/users", json=body)
    assert (answer.status_code, code(answer)) == (422, "invalid_request")
    assert {error["pointer"] for error in answer.json()["errors"]} == {
        "#/email",
        "#/password",
        "#/display_name",
        "#/more",
    }
    for password in ("short", "password1", "aaaaaaaaaaaa", "x" * 257, "ä" * 129):
        answer = await api.client.post(
            "/v1/users", json={"email": "weak@example.org", "password": password, "display_name": "W"}
        )
        assert answer.json()["errors"][0]["pointer"] == "#/password"
    assert "short" not in answer.text


async def test_signing_in_gives_tokens_and_wrong_passwords_do_not(api: School) -> None:
    email = await api.register()
    tokens = (await api.sign_in(email.upper())).json()
    assert tokens["token_type"] == "bearer"
    assert tokens["expires_in"] == 900
    for username, password in ((email, "wrong password"), ("nobody@example.org", PASSWORD), (email, "x" * 300)):
        answer = await api.sign_in(username, password)
        assert (answer.status_code, code(answer)) == (401, "unauthenticated")
        assert answer.json()["detail"] == "The e-mail address or the password is wrong."


async def test_a_profile_can_be_changed(api: School) -> None:
    ada = await api.person()
    answer = await ada.does("PATCH", "/v1/me", {"display_name": "Countess"})
    assert answer.status_code == 200
    assert answer.json()["user_id"] == ada.user_id


async def test_without_a_token_nothing_works(api: School) -> None:
    answer = await api.client.post("/v1/courses", json={"title": "x", "description": ""})
    assert (answer.status_code, code(answer)) == (401, "unauthenticated")
    assert answer.headers["www-authenticate"] == "Bearer"


async def test_a_changed_password_ends_the_other_sessions_and_the_old_password(api: School) -> None:
    one = await api.person()
    other = await api.person_of(one.email)
    wrong = await one.does("POST", "/v1/me/password", {"current_password": "no", "new_password": "another one 1"})
    assert (wrong.status_code, wrong.json()["errors"][0]["pointer"]) == (422, "#/current_password")
    change = {"current_password": PASSWORD, "new_password": "another fine one"}
    assert (await one.does("POST", "/v1/me/password", change)).status_code == 200
    assert (await one.does("PATCH", "/v1/me", {"display_name": "still here"})).status_code == 200
    assert (await other.does("PATCH", "/v1/me", {"display_name": "gone"})).status_code == 401
    assert (await api.refresh(other.refresh_token)).status_code == 401
    assert (await api.sign_in(one.email)).status_code == 401
    assert (await api.sign_in(one.email, "another fine one")).status_code == 200


async def test_signing_out_locally_and_globally(api: School) -> None:
    one = await api.person()
    other, third = await api.person_of(one.email), await api.person_of(one.email)
    assert (await one.does("POST", "/v1/auth/logout")).status_code == 200
    assert (await one.does("PATCH", "/v1/me", {"display_name": "x"})).status_code == 401
    assert (await other.does("PATCH", "/v1/me", {"display_name": "x"})).status_code == 200
    assert (await other.does("POST", "/v1/auth/logout?scope=global")).status_code == 200
    assert (await third.does("PATCH", "/v1/me", {"display_name": "x"})).status_code == 401
    assert (await api.refresh(third.refresh_token)).status_code == 401


async def test_a_refresh_token_works_once_and_its_reuse_ends_the_session(api: School) -> None:
    ada = await api.person()
    first = await api.refresh(ada.refresh_token)
    assert first.status_code == 200
    within_grace = await api.refresh(ada.refresh_token)
    assert within_grace.json()["refresh_token"] == first.json()["refresh_token"]
    second = await api.refresh(first.json()["refresh_token"])
    reused = await api.refresh(ada.refresh_token)
    assert (reused.status_code, code(reused)) == (401, "unauthenticated")
    assert (await api.refresh(second.json()["refresh_token"])).status_code == 401
    assert (await ada.does("PATCH", "/v1/me", {"display_name": "x"})).status_code == 401


async def test_made_up_refresh_tokens_end_nothing(api: School) -> None:
    ada = await api.person()
    session, _, secret = ada.refresh_token.partition(".")
    for forged in (f"{session}.{secret[:-6]}AAAAA=", f"{uuid4()}.{secret}", f"{session}.", "nonsense", ""):
        assert (await api.refresh(forged)).status_code in (401, 422)
    assert (await api.refresh(ada.refresh_token)).status_code == 200


async def test_the_life_of_a_course(api: School) -> None:
    owner, other = await api.person(), await api.person()
    course, _ = await api.course(owner, published=False, tags=["maths"], capacity=2)
    path = f"/v1/courses/{course}"
    assert code(await other.does("POST", f"{path}/enrollments")) == "course_not_open"
    assert code(await other.does("POST", f"{path}/publish")) == "forbidden"
    assert (await owner.does("PATCH", path, {"title": "Geometry"})).status_code == 200
    nothing = await owner.does("PATCH", path, {"title": "Geometry"})
    assert (nothing.status_code, nothing.json()["position"]) == (200, None)
    assert "mimo-bookmark" not in nothing.headers
    assert (await owner.does("POST", f"{path}/publish")).status_code == 200
    again = await owner.does("POST", f"{path}/publish")
    assert (again.status_code, code(again)) == (409, "conflict")
    assert (await owner.does("POST", f"{path}/archive")).status_code == 200
    assert code(await other.does("POST", f"{path}/enrollments")) == "course_not_open"
    assert code(await owner.does("PATCH", path, {"title": "Late"})) == "conflict"
    missing = f"/v1/courses/{uuid4()}"
    assert code(await owner.does("PATCH", missing, {"title": "x"})) == "not_found"
    assert code(await other.does("POST", f"{missing}/enrollments")) == "not_found"


async def test_if_match_refuses_changes_of_another_version(api: School) -> None:
    owner = await api.person()
    course, _ = await api.course(owner)
    path = f"/v1/courses/{course}"
    changed = await owner.does("PATCH", path, {"title": "B"}, If_Match='"2-0123abcd"')
    assert changed.status_code == 200
    assert changed.headers["etag"] == '"3"'
    stale = await owner.does("PATCH", path, {"title": "C"}, If_Match='"2"')
    assert (stale.status_code, code(stale)) == (412, "version_conflict")
    assert (await owner.does("PATCH", path, {"title": "D"}, If_Match='"2", "3"')).status_code == 200
    assert (await owner.does("PATCH", path, {"title": "E"}, If_Match="*")).status_code == 200


async def test_enrolling_leaving_and_a_full_course(api: School) -> None:
    owner, one, two = [await api.person() for _ in range(3)]
    course, channel = await api.course(owner, capacity=1)
    path = f"/v1/courses/{course}/enrollments"
    assert code(await one.does("POST", f"/v1/channels/{channel}/messages", {"text": "let me in"})) == "not_a_member"
    answer = await one.does("POST", path)
    assert answer.status_code == 201
    assert answer.json()["course_id"] == course
    assert code(await one.does("POST", path)) == "already_enrolled"
    assert code(await two.does("POST", path)) == "course_full"
    assert code(await owner.does("POST", path)) == "already_enrolled"
    assert (await one.does("DELETE", f"{path}/me")).status_code == 200
    assert code(await one.does("DELETE", f"{path}/me")) == "not_found"
    assert code(await one.does("POST", f"/v1/channels/{channel}/messages", {"text": "bye"})) == "not_a_member"
    assert (await two.does("POST", path)).status_code == 201


async def test_sending_editing_and_deleting_messages(api: School) -> None:
    owner, member, other = [await api.person() for _ in range(3)]
    course, channel = await api.course(owner)
    for person in (member, other):
        await person.does("POST", f"/v1/courses/{course}/enrollments")
    path = f"/v1/channels/{channel}/messages"
    sent = await member.does("POST", path, {"text": "Hello, world"})
    assert (sent.status_code, sent.json()["seq"]) == (201, 2)
    message = f"{path}/{sent.json()['message_id']}"
    assert code(await other.does("PATCH", message, {"text": "mine"})) == "forbidden"
    edited = await member.does("PATCH", message, {"text": "Hello!"})
    assert (edited.status_code, edited.json()["seq"]) == (200, 3)
    assert edited.json()["message_id"] == sent.json()["message_id"]
    assert code(await other.does("DELETE", message)) == "forbidden"
    assert (await owner.does("DELETE", message)).status_code == 200
    assert code(await member.does("PATCH", message, {"text": "too late"})) == "not_found"
    assert code(await member.does("DELETE", message)) == "not_found"
    assert code(await member.does("PATCH", f"{path}/{uuid4()}", {"text": "?"})) == "not_found"
    assert code(await member.does("POST", f"/v1/channels/{uuid4()}/messages", {"text": "?"})) == "not_found"
    _, elsewhere = await api.course(member)
    there = f"/v1/channels/{elsewhere}/messages/{sent.json()['message_id']}"
    assert code(await member.does("DELETE", there)) == "not_found"


async def test_a_client_message_id_is_sent_once(api: School) -> None:
    owner = await api.person()
    _, channel = await api.course(owner)
    _, other_channel = await api.course(owner)
    body = {"text": "once", "client_message_id": "c-1"}
    first = await owner.does("POST", f"/v1/channels/{channel}/messages", body)
    again = await owner.does("POST", f"/v1/channels/{channel}/messages", {**body, "text": "edited meanwhile"})
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json() == first.json()
    assert again.headers["mimo-bookmark"] == first.headers["mimo-bookmark"]
    elsewhere = await owner.does("POST", f"/v1/channels/{other_channel}/messages", body)
    assert (elsewhere.status_code, code(elsewhere)) == (422, "reused_key")


async def test_idempotency_keys_repeat_answers_and_refuse_other_requests(api: School) -> None:
    owner = await api.person()
    body = {"title": "Once", "description": ""}
    first = await owner.does("POST", "/v1/courses", body, Idempotency_Key="k1")
    again = await owner.does("POST", "/v1/courses", body, Idempotency_Key="k1")
    assert again.status_code == first.status_code == 201
    assert again.json() == first.json()
    assert again.headers["idempotency-replayed"] == "true"
    assert again.headers["mimo-bookmark"] == first.headers["mimo-bookmark"]
    other = await owner.does("POST", "/v1/courses", {**body, "title": "Twice"}, Idempotency_Key="k1")
    assert (other.status_code, code(other)) == (422, "reused_key")
    path = f"/v1/courses/{first.json()['course_id']}/publish"
    published = await owner.does("POST", path, Idempotency_Key="k2")
    repeated = await owner.does("POST", path, Idempotency_Key="k2")
    assert repeated.json() == published.json()
    assert repeated.headers["idempotency-replayed"] == "true"
    bad = await owner.does("POST", path, Idempotency_Key="k" * 201)
    assert (bad.status_code, code(bad)) == (422, "invalid_request")


async def test_a_registration_can_be_repeated_with_its_key(api: School) -> None:
    body = {"email": "twice@example.org", "password": PASSWORD, "display_name": "T"}
    headers = {"Idempotency-Key": "register-1"}
    first = await api.client.post("/v1/users", json=body, headers=headers)
    again = await api.client.post("/v1/users", json=body, headers=headers)
    assert again.json() == first.json()
    assert again.headers["idempotency-replayed"] == "true"
    stranger = await api.client.post("/v1/users", json={**body, "email": "else@example.org"}, headers=headers)
    assert stranger.status_code == 201


async def test_poisoned_text_is_refused_before_it_reaches_the_log(api: School) -> None:
    owner = await api.person()
    _, channel = await api.course(owner)
    path = f"/v1/channels/{channel}/messages"
    headers = {"Authorization": f"Bearer {owner.access_token}", "Content-Type": "application/json"}
    nonsense = (rb'{"text":"a\u0000b"}', rb'{"text":"\ud800"}', b'{"text":"\xff"}', b"{", b"")
    for raw in (*nonsense, b"[" * 5000, b'{"text":""}'):
        answer = await api.client.post(path, content=raw, headers=headers)
        assert (answer.status_code, code(answer)) == (422, "invalid_request"), raw
    answer = await api.client.post(path, content=b'{"text":"x"}', headers={**headers, "Content-Type": "text/plain"})
    assert answer.status_code == 422
    large = await api.client.post(path, content=b'{"text":"' + b"x" * 300_000 + b'"}', headers=headers)
    assert (large.status_code, code(large)) == (413, "too_large")


async def test_of_two_refreshes_at_once_both_get_the_same_child(api: School) -> None:
    ada = await api.person()
    answers = await asyncio.gather(*(api.refresh(ada.refresh_token) for _ in range(4)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["refresh_token"] for answer in answers}) == 1


async def test_of_a_rush_exactly_the_seats_are_taken_and_nobody_sits_twice(api: School) -> None:
    owner = await api.person()
    people = [await api.person() for _ in range(6)]
    course, _ = await api.course(owner, capacity=3)
    path = f"/v1/courses/{course}/enrollments"
    answers = await asyncio.gather(*(person.does("POST", path) for person in people for _ in range(3)))
    assert sum(answer.status_code == 201 for answer in answers) == 3
    assert all(answer.status_code in (201, 409) for answer in answers)


async def test_no_sign_in_with_the_old_password_commits_after_the_change(api: School) -> None:
    ada = await api.person()
    change = {"current_password": PASSWORD, "new_password": "quite another one"}
    answers = await asyncio.gather(
        ada.does("POST", "/v1/me/password", change), *(api.sign_in(ada.email) for _ in range(4))
    )
    assert answers[0].status_code == 200
    for answer in answers[1:]:
        if answer.status_code == 200:
            late = {"Authorization": f"Bearer {answer.json()['access_token']}"}
            used = await api.client.patch("/v1/me", json={"display_name": "x"}, headers=late)
            assert used.status_code == 401
        assert answer.status_code in (200, 401)


async def test_an_edit_and_a_deletion_at_once_never_leave_an_edit_after_the_deletion(api: School) -> None:
    owner = await api.person()
    _, channel = await api.course(owner)
    path = f"/v1/channels/{channel}/messages"
    sent = await owner.does("POST", path, {"text": "draft"})
    message = f"{path}/{sent.json()['message_id']}"
    edits = [owner.does("PATCH", message, {"text": f"edit {n}"}) for n in range(5)]
    answers = await asyncio.gather(*edits, owner.does("DELETE", message))
    deleted = answers[-1].json()["seq"]
    for answer in answers[:-1]:
        assert answer.status_code == 404 or answer.json()["seq"] < deleted


async def test_the_event_names_who_did_it_and_the_trace(api: School) -> None:
    owner = await api.person()
    _, channel = await api.course(owner)
    parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    sent = await owner.does("POST", f"/v1/channels/{channel}/messages", {"text": "traced"}, Traceparent=parent)
    event = await api.app.state.api.store.find(UUID(sent.json()["message_id"]))
    assert f'"user:{owner.user_id}"' in event.meta
    assert parent in event.meta
    assert "traced" not in event.data
    assert sent.headers["x-request-id"] == "4bf92f3577b34da6a3ce929d0e0e4736"


async def test_unknown_paths_and_methods_are_problems_too(api: School) -> None:
    assert code(await api.client.get("/v1/nothing")) == "not_found"
    wrong = await api.client.put("/v1/users", json={})
    assert (wrong.status_code, code(wrong)) == (405, "method_not_allowed")


async def test_health_metrics_and_keys_are_public(api: School) -> None:
    assert (await api.client.get("/livez")).json() == {"status": "alive"}
    assert (await api.client.get("/readyz")).json() == {"status": "ready", "not_ready": []}
    metrics = (await api.client.get("/metrics")).text
    assert 'route="/v1/users"' in metrics
    keys = (await api.client.get("/.well-known/jwks.json")).json()["keys"]
    assert [(key["kty"], key["crv"], key["alg"]) for key in keys] == [("EC", "P-256", "ES256")]
    assert "d" not in keys[0]


async def test_the_description_and_its_pages_are_served(api: School) -> None:
    assert (await api.client.get("/openapi.json")).json()["openapi"].startswith("3.1")
    page = await api.client.get("/docs")
    assert page.headers["content-security-policy"]
    assert page.headers["x-frame-options"] == "DENY"
