"""An application of ours: FastAPI with the shell around it, problems for every error, CORS and a true OpenAPI.

It must not know any route. Routes are added to what `new_application` returns, straight, not through nested routers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import AbstractAsyncContextManager
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from events.errors import MimoError
from infra.web.auth import TOKEN_PATH
from infra.web.problems import PROBLEM_MEDIA_TYPE, STATUS, Problem
from infra.web.shell import Shell, failed

Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]
EXPOSED_HEADERS = (
    "ETag", "Idempotency-Replayed", "Link", "Location", "Mimo-Bookmark", "RateLimit", "RateLimit-Policy", "Retry-After",
    "X-Request-Id",
)  # fmt: skip
ALLOWED_HEADERS = (
    "Authorization", "Content-Type", "Idempotency-Key", "If-Match", "If-None-Match", "Mimo-Bookmark", "Prefer",
    "Traceparent",
)  # fmt: skip
ALLOWED_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
PREFLIGHT_SECONDS = 3600


class Application(FastAPI):
    """FastAPI behind the shell, so that lean routes do not pass through its middleware and telemetry."""

    shell: ASGIApp
    cors: ASGIApp

    def stand_behind(self, shell: ASGIApp, allowed_origins: Iterable[str]) -> None:
        """Puts the shell in front, and CORS in front of that for requests that come from a web page."""
        self.shell = shell
        self.cors = CORSMiddleware(
            shell,
            allow_origins=list(allowed_origins),
            allow_methods=ALLOWED_METHODS,
            allow_headers=ALLOWED_HEADERS,
            expose_headers=EXPOSED_HEADERS,
            max_age=PREFLIGHT_SECONDS,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request (ASGI)."""
        if scope["type"] == "http":
            scope["app"] = self
            from_browser = any(name == b"origin" for name, _ in scope["headers"])
            await (self.cors if from_browser else self.shell)(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)


def new_application(
    title: str,
    description: str,
    *,
    lifespan: Lifespan,
    allowed_origins: Iterable[str] = (),
    token_url: str = TOKEN_PATH,
    log_all: bool = False,
) -> FastAPI:
    """Builds an application without routes.

    Args:
        title: shown in the documentation.
        description: shown in the documentation, Markdown.
        lifespan: opens what the application needs and sets `app.state.authenticator`.
        allowed_origins: the web origins that may call it from a browser.
        token_url: where /docs can sign in.
        log_all: whether every request gets a log line.
    """
    handlers: dict[Any, Any] = dict.fromkeys((HTTPException, RequestValidationError, MimoError, Exception), _answer)
    app = Application(
        title=title,
        description=description,
        version="1",
        lifespan=lifespan,
        exception_handlers=handlers,
        redirect_slashes=False,
        generate_unique_id_function=_operation_id,
        redoc_url=None,
    )
    app.stand_behind(Shell(super(Application, app).__call__, log_all=log_all), allowed_origins)
    app.openapi = lambda: _openapi(app, token_url)  # type: ignore[method-assign]
    return app


def problems(*codes: str) -> dict[int | str, dict[str, Any]]:
    """What to hand to a route as `responses`: the problems that it can answer, by their codes.

    Every route can answer `unauthenticated` or `invalid_request` where it asks for such things, and 500 and 503.
    """
    by_status: dict[int | str, list[str]] = {}
    for code in (*codes, "overloaded"):
        by_status.setdefault(_STATUS_OF.get(code) or STATUS[code], []).append(code)
    return {
        status: {
            "description": " or ".join(f"`{code}`" for code in dict.fromkeys(named)),
            "content": {PROBLEM_MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
        for status, named in by_status.items()
    }


_STATUS_OF = {"too_large": 413, "internal": 500, "method_not_allowed": 405}


async def _answer(request: Request, error: Exception) -> Response:
    if isinstance(error, HTTPException) and error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        error.headers = {"Allow": ", ".join(_methods(request))}
    return failed(error, request.scope)


def _methods(request: Request) -> list[str]:
    """The methods that a path answers; Starlette's own `Allow` names those of the first route only."""
    path = request.scope["path"]
    matching = (route for route in request.app.routes if isinstance(route, Route) and route.path_regex.match(path))
    return sorted({method for route in matching for method in route.methods or ()})


def _operation_id(route: APIRoute) -> str:
    return route.name


def _openapi(app: FastAPI, token_url: str) -> dict[str, Any]:
    """FastAPI's description with our problems in place of its own errors."""
    if app.openapi_schema is None:
        schema = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
        schemas = schema.setdefault("components", {}).setdefault("schemas", {})
        for name in ("HTTPValidationError", "ValidationError"):
            schemas.pop(name, None)
        described = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
        schemas.update(described.pop("$defs", {}))
        schemas["Problem"] = described
        for path, operations in schema["paths"].items():
            for operation in operations.values():
                _complete(path, operation)
        for scheme in schema["components"].get("securitySchemes", {}).values():
            scheme["flows"]["password"]["tokenUrl"] = token_url
        app.openapi_schema = schema
    return app.openapi_schema


def _complete(path: str, operation: dict[str, Any]) -> None:
    """Adds the problems that follow from what an operation takes."""
    for parameter in operation.get("parameters", ()):
        parameter["schema"] = _without_null(parameter["schema"])
    answers = operation["responses"]
    implied = ["internal"]
    if "422" in answers or operation.get("parameters") or "requestBody" in operation:
        implied.append("invalid_request")
        if PROBLEM_MEDIA_TYPE not in answers.get("422", {}).get("content", {}):
            answers.pop("422", None)
    if "requestBody" in operation:
        implied.append("too_large")
    if operation.get("security"):
        implied.append("unauthenticated")
    for status, described in problems(*implied).items():
        if path.startswith("/v1/"):
            answers.setdefault(str(status), described)


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema of a parameter that may be left out: what is not in a JSON body cannot be null."""
    choices = [choice for choice in schema.get("anyOf", ()) if choice != {"type": "null"}]
    if len(choices) != 1:
        return schema
    return {**choices[0], **{name: value for name, value in schema.items() if name != "anyOf"}}
