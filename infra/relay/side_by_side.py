"""Running things side by side that belong together: when one ends, all do. It must not know what they do."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

CANCEL_AGAIN_SECONDS = 3.0


async def first_to_end(*works: Coroutine[Any, Any, None]) -> None:
    """Runs them side by side until one ends or fails; ends the others, and raises what it raised."""
    tasks = [asyncio.create_task(work) for work in works]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        await ended(*tasks)
    for task in done:
        task.result()


async def ended(*tasks: asyncio.Task[Any]) -> None:
    """Cancels tasks and waits for their ends, however they end; again if a library has swallowed it."""
    left = set(tasks)
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=CANCEL_AGAIN_SECONDS)
    for task in tasks:
        if not task.cancelled():
            task.exception()
