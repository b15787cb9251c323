"""Liveness and readiness that tell the truth: what is not ready, and why.

It must not know what is checked; whoever builds the application hands the checks over.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import orjson
import structlog
from fastapi import FastAPI
from pydantic import BaseModel
from starlette.responses import PlainTextResponse

from infra.web.answer import Ready
from infra.web.metrics import CONTENT_TYPE, exposition

CHECK_TIMEOUT_SECONDS = 2.0
Check = Callable[[], Awaitable[str | None]]
"""None when all is well, else the reason in words."""

_log = structlog.get_logger("mimo.health")


class Unready(BaseModel):
    """One thing that is not ready."""

    name: str
    reason: str


class Readiness(BaseModel):
    """Whether requests should be sent here."""

    status: str
    not_ready: list[Unready]


def add_health(app: FastAPI, checks: Mapping[str, Check]) -> None:
    """Adds /livez, /readyz and /metrics.

    Args:
        app: the application.
        checks: by name; asked at every /readyz, each for at most two seconds.
    """

    async def livez() -> Ready:
        """The process answers. It says nothing about what it depends on."""
        return Ready(200, b'{"status":"alive"}')

    async def readyz() -> Ready:
        """Whether requests should be sent here, and if not, why."""
        missing = await not_ready(checks)
        content = {"status": "unready" if missing else "ready", "not_ready": missing}
        return Ready(503 if missing else 200, orjson.dumps(content), [(b"cache-control", b"no-store")])

    async def metrics() -> Ready:
        """Prometheus metrics in text format."""
        return Ready(200, exposition(), content_type=(b"content-type", CONTENT_TYPE.encode()))

    unready: dict[int | str, dict[str, Any]] = {503: {"model": Readiness, "description": "Not ready, and why"}}
    app.add_api_route("/livez", livez, tags=["operations"], response_model=dict[str, str])
    app.add_api_route("/readyz", readyz, tags=["operations"], response_model=Readiness, responses=unready)
    app.add_api_route("/metrics", metrics, tags=["operations"], response_class=PlainTextResponse, status_code=200)


async def not_ready(checks: Mapping[str, Check]) -> list[dict[str, str]]:
    """Asks all checks at once, each for at most two seconds.

    Returns:
        Name and reason of what is not ready.
    """
    reasons = await asyncio.gather(*(_asked(name, check) for name, check in checks.items()))
    return [{"name": name, "reason": why} for name, why in zip(checks, reasons, strict=True) if why is not None]


async def _asked(name: str, check: Check) -> str | None:
    try:
        async with asyncio.timeout(CHECK_TIMEOUT_SECONDS):
            return await check()
    except TimeoutError:
        return f"no answer within {CHECK_TIMEOUT_SECONDS:g} s"
    except Exception as error:
        _log.warning("readiness_check_failed", check=name, error=type(error).__name__)
        return "the check failed; see the log"
