"""Waiting for a condition, with a deadline: how tests synchronise instead of sleeping a guessed time."""

import asyncio
import time
from collections.abc import Callable
from typing import Any, TypeVar

import asyncpg

Found = TypeVar("Found")
POLL_SECONDS = 0.02
ANSWER_SECONDS = 20.0


def until(condition: Callable[[], Found], what: str, seconds: float = 30.0) -> Found:
    """Ask again and again until the condition holds.

    Args:
        condition: asked; whatever is true ends the waiting.
        what: said when it never holds.
        seconds: the deadline, generous: a busy machine is no failure.

    Returns:
        What the condition returned.
    """
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds:g} s: {what}")
        time.sleep(POLL_SECONDS)
    return found


async def until_answer(
    connection: asyncpg.Connection,
    question: str,
    wanted: Any,
    *arguments: Any,
    beside: Callable[[], object] = str,
    seconds: float = ANSWER_SECONDS,
) -> None:
    """Ask the database again and again until the answer is as wanted.

    Args:
        connection: nobody else uses it meanwhile.
        question: gives one value.
        wanted: that value.
        arguments: of the question.
        beside: what else to say when it never is.
        seconds: the deadline, generous.
    """
    answer = None
    try:
        async with asyncio.timeout(seconds):
            while (answer := await connection.fetchval(question, *arguments)) != wanted:  # noqa: ASYNC110 - it happens in the database
                await asyncio.sleep(POLL_SECONDS)
    except TimeoutError:
        raise AssertionError(f"{question}: {answer!r}, not {wanted!r}; {beside()}") from None
