"""Standard output, which somebody may stop reading at any moment (`| head`): then the work ends at once, quietly.

It must not know what is written.
"""

from __future__ import annotations

import asyncio
import os
import stat
import sys
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from typing import Any, TypeVar

import typer

from events.errors import CannotStart

Result = TypeVar("Result")


class NobodyReads(Exception):
    """The other end of the pipe was closed."""


def write_line(line: str) -> None:
    """Writes a line, always as UTF-8; it may wait for `flush`.

    Raises:
        NobodyReads: the pipe is closed.
        CannotStart: it cannot be written.
    """
    with _explained():
        sys.stdout.buffer.write(line.encode() + b"\n")


def flush() -> None:
    """Hands on what was written.

    Raises:
        NobodyReads: the pipe is closed.
        CannotStart: it cannot be written.
    """
    with _explained():
        sys.stdout.flush()


@contextmanager
def read_by_somebody() -> Iterator[None]:
    """Ends the command, well, when what is inside finds that nobody reads."""
    try:
        yield
        flush()
    except NobodyReads:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what is in the buffer is flushed at the exit
        raise typer.Exit(0) from None


async def while_somebody_reads(work: Coroutine[Any, Any, Result]) -> Result:
    """Does the work until it is done, or until standard output is a pipe that nobody reads any more.

    Raises:
        NobodyReads: the latter, also while there is nothing to write.
    """
    task = asyncio.ensure_future(work)
    gone = False

    def end() -> None:
        nonlocal gone
        gone = task.cancel()

    with _told_of_closing(end):
        try:
            return await task
        except asyncio.CancelledError:
            if gone:
                raise NobodyReads from None
            raise


@contextmanager
def _told_of_closing(call: Callable[[], object]) -> Iterator[None]:
    """Has it called when the pipe's other end is closed: the writing end is then said to be readable."""
    descriptor = None
    with suppress(OSError, ValueError):  # no file at all
        descriptor = sys.stdout.fileno()
    if descriptor is None or not stat.S_ISFIFO(os.fstat(descriptor).st_mode):
        yield
        return
    loop = asyncio.get_running_loop()

    def told() -> None:
        loop.remove_reader(descriptor)
        call()

    loop.add_reader(descriptor, told)
    try:
        yield
    finally:
        loop.remove_reader(descriptor)


@contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        raise NobodyReads from None
    except OSError as error:
        raise CannotStart(f"Standard output cannot be written ({error.strerror}).") from None
