"""One task that works beside a process's HTTP server, for as long as that serves.

It must not know what the task does.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any

import structlog

from infra.web.health import Check

_log = structlog.get_logger("mimo.beside")


class Beside:
    """The task, and what readiness says of it.

    Args:
        name: what it is called in readiness, in the singular.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._task: asyncio.Task[None] | None = None

    @asynccontextmanager
    async def runs(self, work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
        """Has it work until the block ends; call it in the application's lifespan."""
        self._task = asyncio.create_task(self._watched(work), name=self._name)
        try:
            yield
        finally:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    def checked(self, check: Check) -> Check:
        """A check that fails as soon as the work has ended, whatever the given one would say."""

        async def checked() -> str | None:
            if self._task is None or self._task.done():
                return f"the {self._name} has ended; see the log"
            return await check()

        return checked

    async def _watched(self, work: Coroutine[Any, Any, None]) -> None:
        """Nobody awaits the task before the process stops, so what ended it is said now."""
        try:
            await work
        except Exception as error:
            _log.error("ended", what=self._name, exc_info=error)
