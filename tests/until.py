"""Waiting for a condition, with a deadline: how tests synchronise instead of sleeping a guessed time."""

import time
from collections.abc import Callable
from typing import TypeVar

Found = TypeVar("Found")
POLL_SECONDS = 0.02


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
