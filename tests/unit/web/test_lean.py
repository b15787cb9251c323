"""Lean routes answer what ordinary ones would, from the same signature, and stay described in full."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any
from uuid import UUID

import httpx2
import pytest
from fastapi import Cookie, Depends, FastAPI, Header, Query, Request
from pydantic import BaseModel, Field
from starlette.types import Scope

from events.errors import CourseFull
from infra.web.answer import Ready
from infra.web.application import new_application, problems
from infra.web.lean import Headers, LeanRoute, LeanTable


class Note(BaseModel):
    text: str = Field(max_length=5)
    tags: list[str] = []


class Name:
    def __call__(self, request: Request) -> str:
        return request.headers.get("x-name", "nobody")

    async def lean(self, scope: Scope, headers: Headers) -> str:
        return headers.get(b"x-name", b"nobody").decode()


async def write(
    note_id: UUID,
    body: Note,
    name: Annotated[str, Depends(Name())],
    times: Annotated[int, Query(ge=1, le=3)] = 1,
    colour: Annotated[str | None, Header(alias="X-Colour", pattern="^[a-z]+$")] = None,
) -> Ready:
    """Writes a note."""
    if body.text == "full":
        raise CourseFull
    if body.text == "bug":
        raise RuntimeError("a secret")
    return Ready(201, f'["{note_id}","{body.text}","{name}",{times},"{colour}"]'.encode())


@asynccontextmanager
async def nothing(_: FastAPI) -> AsyncIterator[None]:
    yield


def application(route_class: type | None) -> FastAPI:
    app = new_application("t", "", lifespan=nothing)
    app.router.add_api_route(
        "/notes/{note_id}",
        write,
        methods=["POST"],
        status_code=201,
        response_model=list[Any],
        responses=problems("course_full"),
        route_class_override=route_class,
    )
    return app


def client(app: FastAPI) -> httpx2.AsyncClient:
    return httpx2.AsyncClient(
        transport=httpx2.ASGITransport(app=app, raise_app_exceptions=False), base_url="http://test"
    )


NOTE = str(UUID(int=1))
REQUESTS: list[tuple[str, dict[str, Any]]] = [
    (NOTE, {"json": {"text": "hello"}}),
    (NOTE, {"json": {"text": "hello"}, "headers": {"X-Name": "ada", "X-Colour": "red"}}),
    (f"{NOTE}?times=3", {"json": {"text": "hello", "tags": ["a"]}}),
    (f"{NOTE}?times=1&times=2", {"json": {"text": "hello"}}),
    (f"{NOTE}?times=4", {"json": {"text": "hello"}}),
    (f"{NOTE}?times=x", {"json": {"text": "hello"}}),
    (NOTE, {"json": {"text": "hello"}, "headers": {"X-Colour": "RED"}}),
    ("no-uuid", {"json": {"text": "hello"}}),
    (NOTE, {"json": {"text": "too long"}}),
    (NOTE, {"json": {}}),
    (NOTE, {"json": {"text": "hello", "tags": ["a", 1]}}),
    (NOTE, {"json": {"text": "full"}}),
    (NOTE, {"json": {"text": "bug"}}),
    (NOTE, {"content": b"{", "headers": {"Content-Type": "application/json"}}),
]


@pytest.mark.parametrize("request_", REQUESTS, ids=str)
async def test_a_lean_route_answers_what_the_ordinary_one_does(request_: tuple[str, dict[str, Any]]) -> None:
    path, options = request_
    async with client(application(LeanRoute)) as lean, client(application(None)) as ordinary:
        one = await lean.post(f"/notes/{path}", **options)
        other = await ordinary.post(f"/notes/{path}", **options)
    assert one.status_code == other.status_code
    assert one.headers["content-type"] == other.headers["content-type"]
    assert (
        {**one.json(), "trace_id": ""} == {**other.json(), "trace_id": ""}
        if one.is_error
        else one.json() == other.json()
    )
    assert "a secret" not in one.text


def test_a_lean_route_is_described_like_the_ordinary_one() -> None:
    assert application(LeanRoute).openapi() == application(None).openapi()


async def with_request(request: Request) -> Ready:
    return Ready(200)


async def with_cookie(taste: Annotated[str, Cookie()]) -> Ready:
    return Ready(200)


async def with_ordinary_dependency(name: Annotated[str, Depends(lambda: "x")]) -> Ready:
    return Ready(200)


async def with_two_bodies(one: Note, two: Note) -> Ready:
    return Ready(200)


@pytest.mark.parametrize("endpoint", [with_request, with_cookie, with_ordinary_dependency, with_two_bodies])
def test_what_a_lean_route_cannot_do_is_refused_when_it_is_defined(endpoint: Any) -> None:
    app = FastAPI()
    app.router.add_api_route("/x", endpoint, methods=["POST"], response_model=None, route_class_override=LeanRoute)
    with pytest.raises(TypeError, match="/x"):
        LeanTable(app.routes)


async def test_large_bodies_are_refused_told_or_not() -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(300):
            yield b"x" * 1024

    for route_class in (LeanRoute, None):
        async with client(application(route_class)) as caller:
            headers = {"Content-Type": "application/json"}
            told = await caller.post(f"/notes/{NOTE}", content=b"x" * 300_000, headers=headers)
            chunked = await caller.post(f"/notes/{NOTE}", content=chunks(), headers=headers)
        assert (told.status_code, chunked.status_code) == (413, 413)
        assert told.json()["code"] == "too_large"
