"""Lean routes: FastAPI's signature and OpenAPI without its dependency solver on the way of a request.

A lean endpoint is written like any other FastAPI endpoint that returns a `Ready`; FastAPI still describes it. What
the signature asks for is compiled once: path, query and header parameters, one JSON body validated straight from
its bytes, and dependencies that offer `lean(scope, headers)`. Anything else is refused when the route is defined.
It must not know what the endpoints do.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated, Any, Protocol, cast, get_origin
from urllib.parse import parse_qs

from fastapi.dependencies.models import Dependant
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute, iter_route_contexts
from pydantic import BaseModel, TypeAdapter, ValidationError
from starlette.requests import ClientDisconnect
from starlette.routing import BaseRoute
from starlette.types import Receive, Scope

from events.errors import InvalidRequest
from infra.web.answer import Ready
from infra.web.problems import TooLarge

MAX_QUERY_FIELDS = 120

Headers = Mapping[bytes, bytes]


class LeanDependency(Protocol):
    """A dependency that lean routes can call: an object that FastAPI can call as well."""

    async def lean(self, scope: Scope, headers: Headers) -> Any:
        """Its value for a request."""


class LeanRoute(APIRoute):
    """An `APIRoute` that the shell answers without FastAPI; without the shell it is an ordinary route."""


class _Parameter:
    """One path, query or header parameter: where it stands and how it is validated."""

    __slots__ = ("alias", "default", "key", "many", "name", "place", "required", "validate")

    def __init__(self, field: Any, place: str) -> None:
        info = field.field_info
        self.name, self.alias, self.place = field.name, field.alias, place
        self.key = field.alias.lower().encode() if place == "header" else field.alias
        self.required = info.is_required()
        self.default = None if self.required else info.get_default(call_default_factory=True)
        annotated = cast("Any", info.annotation)
        self.many = get_origin(annotated) is list
        for constraint in info.metadata:
            annotated = Annotated[annotated, constraint]
        self.validate = TypeAdapter(annotated).validator.validate_python

    def value(self, raw: str | list[str] | None) -> Any:
        """The parameter's value; only a list takes what was given several times.

        Raises:
            RequestValidationError: it is missing or wrong.
        """
        if raw is None:
            if not self.required:
                return self.default
            fault = {"type": "missing", "loc": (self.place, self.alias), "msg": "Field required"}
            raise RequestValidationError([fault])
        try:
            return self.validate(raw)
        except ValidationError as error:
            raise _request_error(error, (self.place, self.alias)) from None


class Compiled:
    """A lean route's way from a request to its endpoint."""

    def __init__(self, path_regex: re.Pattern[str], path: str, dependant: Dependant, body_field: Any) -> None:
        self.path_regex, self.path = path_regex, path
        self.endpoint = cast("Callable[..., Awaitable[Ready]]", dependant.call)
        self._dependencies = [(d.name, _lean_of(d, path)) for d in dependant.dependencies if d.name]
        if len(self._dependencies) != len(dependant.dependencies) or dependant.cookie_params or _specials(dependant):
            raise TypeError(f"{path}: a lean route takes only parameters, one JSON body and lean dependencies")
        self._path = [_Parameter(field, "path") for field in dependant.path_params]
        self._query = [_Parameter(field, "query") for field in dependant.query_params]
        self._headers = [_Parameter(field, "header") for field in dependant.header_params]
        self._body_name, self._validate = _body_of(dependant, body_field, path)

    async def answer(
        self, scope: Scope, receive: Receive, headers: Headers, match: re.Match[str], max_body_bytes: int
    ) -> Ready:
        """Answers one request.

        Args:
            scope: the ASGI scope.
            receive: the ASGI channel of the body.
            headers: the request's headers by lower-case name.
            match: the path, matched with `path_regex`.
            max_body_bytes: the most that the body may hold.

        Raises:
            MimoError: what the endpoint raises, or the body is too large.
            RequestValidationError: a parameter or the body is not valid.
        """
        values: dict[str, Any] = {}
        for name, dependency in self._dependencies:
            values[name] = await dependency(scope, headers)
        for parameter in self._path:
            values[parameter.name] = parameter.value(match[parameter.alias])
        for parameter in self._headers:
            raw = headers.get(parameter.key)
            values[parameter.name] = parameter.value(None if raw is None else raw.decode("latin-1"))
        if self._query:
            self._take_query(scope["query_string"], values)
        if self._validate is not None:
            body = await read_body(receive, max_body_bytes)
            values[self._body_name] = self._body(body, headers.get(b"content-type", b""))
        return await self.endpoint(**values)

    def _take_query(self, query: bytes, values: dict[str, Any]) -> None:
        try:
            text = query.decode("latin-1")
            given = parse_qs(text, keep_blank_values=True, max_num_fields=MAX_QUERY_FIELDS) if query else {}
        except ValueError:
            raise InvalidRequest(f"The query has more than {MAX_QUERY_FIELDS} parameters.") from None
        for parameter in self._query:
            found = given.get(parameter.alias)
            values[parameter.name] = parameter.value(found if parameter.many or not found else found[-1])

    def _body(self, body: bytes, content_type: bytes) -> Any:
        if not content_type.lower().startswith(b"application/json"):
            raise InvalidRequest("Send JSON, with the header `Content-Type: application/json`.")
        assert self._validate is not None
        try:
            return self._validate(body)
        except ValidationError as error:
            raise _request_error(error, ("body",)) from None


class LeanTable:
    """The lean routes of an application by method."""

    def __init__(self, routes: list[BaseRoute]) -> None:
        self._by_method: dict[str, list[Compiled]] = {}
        for context in iter_route_contexts(routes):
            if isinstance(context.original_route, LeanRoute):
                path = context.path_format or ""
                compiled = Compiled(context.path_regex, path, context.dependant, context.body_field)
                for method in context.methods or ():
                    self._by_method.setdefault(method, []).append(compiled)

    def find(self, method: str, path: str) -> tuple[Compiled, re.Match[str]] | None:
        """The lean route of a request and its matched path, if any."""
        for route in self._by_method.get(method, ()):
            if match := route.path_regex.match(path):
                return route, match
        return None


async def read_body(receive: Receive, max_bytes: int) -> bytes:
    """Reads a request's whole body.

    Raises:
        TooLarge: it holds more than `max_bytes`.
        ClientDisconnect: the client went away.
    """
    message = await receive()
    body: bytes = message.get("body", b"")
    while message["type"] == "http.request" and message.get("more_body", False) and len(body) <= max_bytes:
        message = await receive()
        body += message.get("body", b"")
    if len(body) > max_bytes:
        raise TooLarge(max_bytes)
    if message["type"] == "http.disconnect":
        raise ClientDisconnect
    return body


def _request_error(error: ValidationError, place: tuple[str, ...]) -> RequestValidationError:
    faults = error.errors(include_url=False, include_context=False, include_input=False)
    return RequestValidationError([{**fault, "loc": (*place, *fault["loc"])} for fault in faults])


def _lean_of(dependant: Dependant, path: str) -> Callable[[Scope, Headers], Awaitable[Any]]:
    lean = getattr(dependant.call, "lean", None)
    if lean is None:
        raise TypeError(f"{path}: the dependency {dependant.name} cannot be used by a lean route")
    return cast("Callable[[Scope, Headers], Awaitable[Any]]", lean)


def _specials(dependant: Dependant) -> bool:
    return any(
        getattr(dependant, f"{kind}_param_name") is not None
        for kind in ("request", "websocket", "http_connection", "response", "background_tasks", "security_scopes")
    )


def _body_of(dependant: Dependant, body_field: Any, path: str) -> tuple[str, Callable[[bytes], Any] | None]:
    if not dependant.body_params:
        return "", None
    model = body_field.field_info.annotation
    if len(dependant.body_params) > 1 or not (isinstance(model, type) and issubclass(model, BaseModel)):
        raise TypeError(f"{path}: the body of a lean route is one pydantic model")
    return dependant.body_params[0].name, model.__pydantic_validator__.validate_json
