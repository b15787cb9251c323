"""The routes, a module per noun, and how they are added to the application. They must not know the rules."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel

from infra.web.answer import Ready
from infra.web.application import problems
from infra.web.documented import described_headers
from infra.web.lean import LeanRoute

Endpoint = Callable[..., Awaitable[Ready]]

_HEADERS = described_headers(
    {
        "Mimo-Bookmark": "Send it to the query API to be shown at least what this command did. "
        "A command that changed nothing has none.",
        "Idempotency-Replayed": "`true`: this is the answer of the first request with this key.",
    },
    always=False,
)


def add_command(
    app: FastAPI,
    method: str,
    path: str,
    endpoint: Endpoint,
    *,
    answers: type[BaseModel],
    status: int = 200,
    refusals: tuple[str, ...] = (),
    **more: Any,
) -> None:
    """Adds a command as a lean route.

    Args:
        app: the application.
        method: HTTP method.
        path: the path's template.
        endpoint: the coroutine function; its docstring is the documentation.
        answers: the shape of the answer.
        status: the answer's status.
        refusals: codes of the problems that it can answer beside those that all can.
        more: further arguments of `add_api_route`.
    """
    app.router.add_api_route(
        path,
        endpoint,
        methods=[method],
        status_code=status,
        response_model=answers,
        responses={status: {"headers": _HEADERS}, **problems("reused_key", *refusals), **more.pop("responses", {})},
        tags=[path.split("/")[2]],
        route_class_override=LeanRoute,
        **more,
    )
