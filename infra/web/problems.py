"""Errors as RFC 9457 problems: the one table from error codes to HTTP statuses, and what a problem looks like.

It must not know where an error came from, and never tells what only an operator may know (SQL, stack traces).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import orjson
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException

from events.errors import InvalidRequest, MimoError, Muted, Unavailable
from infra.web.answer import Header, Ready

PROBLEM_MEDIA_TYPE = "application/problem+json"
PROBLEM_TYPE: Header = (b"content-type", b"application/problem+json")
MAX_ERRORS = 20
NO_MEMBERS: Mapping[str, str] = {}

STATUS: dict[str, int] = {
    "invalid_request": 422,
    "unauthenticated": 401,
    "forbidden": 403,
    "not_a_member": 403,
    "muted": 403,
    "not_found": 404,
    "conflict": 409,
    "email_taken": 409,
    "already_enrolled": 409,
    "course_full": 409,
    "course_not_open": 409,
    "operation_underway": 409,
    "version_conflict": 412,
    "reused_key": 422,
    "history_changed": 409,
    "rate_limited": 429,
    "unavailable": 503,
    "overloaded": 503,
    "not_caught_up": 503,
    "parked": 503,
}
"""Every code that may leave the house. What is not here is an internal error (500)."""

_BY_STATUS = {
    400: "invalid_request",
    401: "unauthenticated",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    408: "request_timeout",
    413: "too_large",
    415: "invalid_request",
    422: "invalid_request",
    429: "rate_limited",
    503: "overloaded",
}
_BEARER: Header = (b"www-authenticate", b"Bearer")


class ProblemError(BaseModel):
    """One thing that is wrong with a request."""

    detail: str
    pointer: str | None = Field(None, description="JSON pointer to the member of the body, as a URI fragment.")
    parameter: str | None = Field(None, description="The parameter or header, if it is not in the body.")


class Problem(BaseModel):
    """What every error answers (RFC 9457)."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "type": "/problems/course_full",
                "title": "Conflict",
                "status": 409,
                "detail": "Every seat of this course is taken.",
                "code": "course_full",
                "errors": [],
                "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
            }
        }
    )

    type: str = Field(description="Names the kind of problem; ends with the code.")
    title: str
    status: int
    detail: str
    code: str = Field(description="Stable and machine-readable.")
    errors: list[ProblemError]
    trace_id: str
    until: datetime | None = Field(None, description="When that ends by itself; only there with code `muted`.")


class TooLarge(HTTPException):
    """The request's body is larger than this API takes. FastAPI lets this one through while it reads a body."""

    def __init__(self, max_bytes: int) -> None:
        super().__init__(413, f"The body is larger than {max_bytes} bytes.", {"Connection": "close"})


def problem(
    status: int,
    code: str,
    detail: str,
    trace_id: str,
    errors: Sequence[Mapping[str, str]] = (),
    headers: Iterable[Header] = (),
    members: Mapping[str, str] = NO_MEMBERS,
) -> Ready:
    """Renders one problem.

    Args:
        status: HTTP status.
        code: the stable code.
        detail: what is the matter, for people.
        trace_id: 32 hex digits, by which an operator finds the request in the log.
        errors: the single faults of an invalid request.
        headers: further headers.
        members: further members, which only this kind of problem has.
    """
    content = {
        "type": f"/problems/{code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "code": code,
        "errors": errors,
        "trace_id": trace_id,
        **members,
    }
    more = (*headers, _BEARER) if status == 401 else headers
    return Ready(status, orjson.dumps(content), more, PROBLEM_TYPE)


def problem_of(error: BaseException, trace_id: str) -> Ready | None:
    """The problem that an error is answered with; None when it is an internal error, to be logged and hidden."""
    if isinstance(error, RequestValidationError):
        return _invalid(error.errors(), trace_id)
    if isinstance(error, HTTPException):
        return _of_http(error, trace_id)
    if not isinstance(error, MimoError) or error.code not in STATUS:
        return None
    headers: list[Header] = [(b"cache-control", b"no-store")]
    errors: list[dict[str, str]] = []
    members: dict[str, str] = {}
    if isinstance(error, Unavailable | Muted):
        headers.append((b"retry-after", b"%d" % max(1, math.ceil(error.retry_after_seconds))))
    if isinstance(error, Unavailable):
        headers.extend(getattr(error, "headers", ()))
    if isinstance(error, InvalidRequest) and error.pointer:
        errors.append({"detail": error.detail, "pointer": fragment(error.pointer)})
    if isinstance(error, Muted):
        members["until"] = error.until
    return problem(STATUS[error.code], error.code, error.detail, trace_id, errors, headers, members)


def internal_problem(trace_id: str) -> Ready:
    """What an unexpected error answers: nothing but the trace id."""
    return problem(500, "internal", "Something went wrong here; it was logged under this trace id.", trace_id)


def fragment(pointer: str) -> str:
    """A JSON pointer as a URI fragment (RFC 6901, section 6)."""
    return "#" + quote(pointer, safe="/~!$&'()*+,;=:@-._")


def _of_http(error: HTTPException, trace_id: str) -> Ready:
    code = _BY_STATUS.get(error.status_code, "invalid_request" if error.status_code < 500 else "internal")
    phrase = HTTPStatus(error.status_code).phrase
    detail = error.detail if isinstance(error.detail, str) and error.detail != phrase else f"{phrase}."
    given = (error.headers or {}).items()
    headers = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in given]
    return problem(error.status_code, code, detail, trace_id, headers=headers)


def _invalid(faults: Sequence[Any], trace_id: str) -> Ready:
    errors = [_fault(fault) for fault in faults[:MAX_ERRORS]]
    first = errors[0]
    place = first.get("pointer") or first.get("parameter") or "the body"
    return problem(422, "invalid_request", f"{place}: {first['detail']}", trace_id, errors)


def _fault(fault: Mapping[str, Any]) -> dict[str, str]:
    """Pydantic's description of a fault without the input, which may be a secret."""
    place = tuple(fault["loc"])
    detail = str(fault["msg"]).removeprefix("Value error, ")
    if place and place[0] in ("path", "query", "header", "cookie"):
        return {"detail": detail, "parameter": str(place[-1] if len(place) < 3 else place[1])}
    if fault["type"] == "json_invalid":
        return {"detail": "This is not valid JSON.", "pointer": "#"}
    members = place[1:] if place and place[0] == "body" else place
    pointer = "".join(f"/{str(member).replace('~', '~0').replace('/', '~1')}" for member in members)
    return {"detail": detail, "pointer": fragment(pointer)}
