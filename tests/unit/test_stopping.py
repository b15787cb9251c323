"""What a request is told when the server stops before it could be answered."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import orjson
import pytest
from fastapi import FastAPI
from starlette.types import Message, Scope

from infra.web.answer import Ready
from infra.web.application import new_application
from infra.web.lean import LeanRoute


@asynccontextmanager
async def nothing(_: FastAPI) -> AsyncIterator[None]:
    yield


@pytest.mark.parametrize("lean", [True, False], ids=["lean", "ordinary"])
async def test_a_request_that_is_cut_off_is_told_to_try_again(lean: bool) -> None:
    reached = asyncio.Event()

    async def waits() -> Ready:
        reached.set()
        await asyncio.Event().wait()
        raise AssertionError

    app = new_application("test", "test", lifespan=nothing)
    app.router.add_api_route("/waits", waits, route_class_override=LeanRoute if lean else None)
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    scope: Scope = {
        "type": "http", "method": "GET", "path": "/waits", "raw_path": b"/waits", "query_string": b"", "headers": [],
        "http_version": "1.1", "scheme": "http", "root_path": "", "client": ("127.0.0.1", 1), "server": ("::1", 2),
    }  # fmt: skip
    task = asyncio.create_task(app(scope, receive, send))
    await reached.wait()
    task.cancel()  # what uvicorn does when its patience ends
    await task
    assert sent[0]["status"] == 503
    assert orjson.loads(sent[1]["body"])["code"] == "overloaded"
