"""Looking at events from the command line: finds the database, asks, and writes down what it is told.

It must not know how events are found (infra/event_log/search.py), nor how they look (event_text.py).
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import sys
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import BinaryIO, TypeVar

import asyncpg
import typer
from rich.console import Console
from rich.table import Column, Table

from events.errors import CannotStart, InvalidRequest
from events.recorded import Recorded
from infra.event_log.json_lines import json_line
from infra.event_log.places import Where, find
from infra.event_log.search import Search, searching
from infra.event_log.wanted import Grouping, Wanted
from infra.event_log.watch import Watch
from infra.postgres import AWAY
from infra.settings import Settings
from mimo.database import database, embedded_postgres
from mimo.event_text import event_line, printable
from mimo.standard_output import flush, read_by_somebody, while_somebody_reads, write_line

Result = TypeVar("Result")


def tail(settings: Settings, wanted: Wanted, number: int, follow: bool, as_json: bool | None) -> None:
    """Writes the last wanted events, and then new ones until nobody reads them.

    Raises:
        InvalidRequest: following with an end.
        CannotStart: the database is out of reach.
    """
    if not follow:

        async def last(search: Search) -> list[Recorded]:
            return await search.last(wanted, await search.bounds(wanted), number)

        _write_all(_ask(settings, last), as_json)
        return
    if wanted.until is not None or wanted.last is not None:
        raise InvalidRequest("Following has no end: leave out --until and --to, or --follow.")
    watch = Watch(_finder(settings), wanted, _say, patient=settings.database_url is None)
    with read_by_somebody():
        asyncio.run(_translated(while_somebody_reads(_write_each(watch.events(number), as_json))))


def grep(settings: Settings, wanted: Wanted, as_json: bool | None) -> None:
    """Writes the wanted events as they are found.

    Raises:
        CannotStart: the database is out of reach.
    """

    async def look(search: Search) -> None:
        events = search.events(wanted, await search.bounds(wanted))
        await while_somebody_reads(_write_each(events, as_json))

    with read_by_somebody():
        _ask(settings, look)


def export(settings: Settings, wanted: Wanted, out: Path | None) -> int:
    """Writes the wanted events as JSON lines.

    Args:
        settings: say where the log is.
        wanted: which events.
        out: the file; it has all of them or stays as it was. None: standard output.

    Returns:
        How many.

    Raises:
        CannotStart: the database is out of reach, or the file cannot be written.
    """

    async def write(search: Search, take: Callable[[str], None]) -> int:
        number = 0
        async for event in search.events(wanted, await search.bounds(wanted)):
            take(json_line(event))
            number += 1
        return number

    if out is not None:
        with _aside(out) as take:
            return _ask(settings, lambda search: write(search, take))
    with read_by_somebody():
        return _ask(settings, lambda search: while_somebody_reads(write(search, write_line)))


def count(settings: Settings, wanted: Wanted, by: Grouping | None) -> Counter[str]:
    """How many wanted events there are, of each kind; all under "" when not grouped.

    Raises:
        CannotStart: the database is out of reach.
    """

    async def reckon(search: Search) -> Counter[str]:
        return await search.counts(wanted, await search.bounds(wanted), by)

    return _ask(settings, reckon)


def show_counts(counts: Counter[str], by: Grouping | None, as_json: bool) -> None:
    """Writes a table, or JSON: the most frequent first, days in their order."""
    found = sorted(counts.items(), key=lambda item: (0 if by is Grouping.DAY else -item[1], item[0]))
    if as_json:
        groups = {} if by is None else {by.value: [{by.value: what, "events": number} for what, number in found]}
        typer.echo(json.dumps({"events": counts.total(), **groups}))
        return
    with read_by_somebody():
        if by is not None and found:
            table = Table(by.value, Column("events", justify="right"), box=None)
            for what, number in found:
                table.add_row(printable(what), str(number))
            Console().print(table)
        typer.echo(f"{counts.total()} events")


def show(settings: Settings, where: Where) -> Recorded:
    """One event.

    Raises:
        NotFound: there is none.
        CannotStart: the database is out of reach.
    """
    return _ask(settings, lambda search: find(search, where))


def _ask(settings: Settings, question: Callable[[Search], Awaitable[Result]]) -> Result:
    async def asked(url: str) -> Result:
        async with searching(url) as search:
            return await question(search)

    with database(settings) as url:
        return asyncio.run(_translated(asked(url)))


async def _translated(work: Awaitable[Result]) -> Result:
    try:
        return await work
    except CannotStart:
        raise
    except (*AWAY, asyncpg.PostgresError) as error:
        reason = str(error) or type(error).__name__
        raise CannotStart(f"The log could not be read to the end ({reason}): try again.") from error


def _finder(settings: Settings) -> Callable[[], str]:
    """Finds the database anew each time, and starts none: where nothing runs there is nothing to follow yet."""
    if settings.database_url is not None:
        address = settings.database_url
        return lambda: address
    server = embedded_postgres(settings.data)
    server.url()  # says when there never was one
    return server.url


def _say(sentence: str) -> None:
    typer.echo(f"mimo: {sentence}", err=True)


def _write_all(events: list[Recorded], as_json: bool | None) -> None:
    with read_by_somebody():
        write = _writer(as_json)
        for event in events:
            write(event)


async def _write_each(events: AsyncGenerator[Recorded, None], as_json: bool | None) -> None:
    write = _writer(as_json)
    async with contextlib.aclosing(events):  # left to the end of the loop, all generators in it would be closed at once
        async for event in events:
            write(event)
            flush()  # somebody may be waiting for it, and the next one may be far


def _writer(as_json: bool | None) -> Callable[[Recorded], None]:
    """Lines for people on a terminal, JSON elsewhere, unless told which."""
    terminal = sys.stdout.isatty()
    if as_json or (as_json is None and not terminal):
        return lambda event: write_line(json_line(event))
    if not terminal:
        return lambda event: write_line(event_line(event))
    return lambda event: write_line(event_line(event, shutil.get_terminal_size().columns))


@contextlib.contextmanager
def _aside(target: Path) -> Iterator[Callable[[str], None]]:
    """Takes lines into a file beside the target, which becomes the target when all went well."""
    target = target.resolve()
    if target.exists() and not target.is_file():
        raise CannotStart(f"{target} is no file: choose another with --out.")
    beside = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        with _writable(target), beside.open("xb") as file:
            yield lambda line: _append(file, target, line)
            file.flush()
            os.fsync(file.fileno())
        with _writable(target):
            beside.replace(target)
    finally:
        with contextlib.suppress(OSError):
            beside.unlink()


def _append(file: BinaryIO, target: Path, line: str) -> None:
    with _writable(target):
        file.write(line.encode() + b"\n")


@contextlib.contextmanager
def _writable(target: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise CannotStart(f"{target} cannot be written ({error.strerror}): choose another with --out.") from None
