"""`mimo status`, `mimo doctor`, `mimo dead-letters`: what people are told of the pipeline.

It must not know how it is found out.
"""

import asyncio
import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from mimo.options import AsJson, Data, read_settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    import asyncpg


def status(data: Data = None, as_json: AsJson = False) -> None:
    """Show how far each projection, and in Kafka mode the relay, is behind the log; which processes are not ready."""
    from rich.console import Console
    from rich.table import Table

    from mimo.database import database
    from mimo.presence import process_sentences
    from mimo.status import read_status, relay_sentence

    with database(read_settings(data=data)) as url:
        found = asyncio.run(read_status(url))
    if as_json:
        typer.echo(json.dumps(asdict(found), default=str))
        return
    table = Table("generation", "status", "events behind", "seconds behind", "parked", "stopped")
    table.columns[0].no_wrap = True
    for line in found.lines:
        name = f"{line.projection}_v{line.version}_g{line.generation}"
        behind = (str(line.events_behind), f"{line.seconds_behind:.1f}", str(line.parked), line.stopped or "")
        table.add_row(name, line.status, *behind)
    Console().print(table)
    typer.echo(f"{found.position} events in the log")
    if found.relay is not None:
        typer.echo(relay_sentence(found.relay))
    if found.dead_letters:
        typer.echo(f"{found.dead_letters} dead letters: see mimo dead-letters")
    for sentence in process_sentences(found.processes):
        typer.echo(sentence)


def doctor(
    data: Data = None,
    as_json: AsJson = False,
    deep: Annotated[
        bool, typer.Option("--deep", help="Look at every event, claim, private value and record of a topic, too.")
    ] = False,
) -> None:
    """Look at everything and say what is wrong and what to do about it; the exit code is 1 if anything is.

    Database, keys, ports, parts, Kafka, topics against the log, relay, projections. It changes nothing.
    """
    from contextlib import nullcontext

    from mimo.doctor.examine import examine
    from mimo.doctor.finding import Verdict, is_healthy
    from mimo.progress_bar import bar

    with bar() if deep else nullcontext() as told:
        findings = examine(read_settings(data=data), told)
    healthy = is_healthy(findings)
    if as_json:
        typer.echo(json.dumps({"healthy": healthy, "findings": [asdict(finding) for finding in findings]}))
        raise typer.Exit(0 if healthy else 1)
    for finding in findings:
        typer.echo(f"{finding.verdict:5}  {finding.subject}: {finding.sentence}")
        if finding.remedy:
            typer.echo(f"       → {finding.remedy}")
    number = sum(finding.verdict is Verdict.WRONG for finding in findings)
    typer.echo("Nothing is wrong." if healthy else f"Wrong: {number}.")
    raise typer.Exit(0 if healthy else 1)


def dead_letters(
    data: Data = None,
    as_json: AsJson = False,
    show: Annotated[str | None, typer.Option(help="Print one raw, as JSON: TOPIC.PARTITION:OFFSET.")] = None,
    discard: Annotated[str | None, typer.Option(help="Forget one: TOPIC.PARTITION:OFFSET.")] = None,
) -> None:
    """List records in Kafka's topics that could not be read as events; no event was lost by them."""
    from mimo import dead_letters as letters
    from mimo.database import database

    with database(read_settings(data=data)) as url:
        if show is not None:
            typer.echo(json.dumps(asyncio.run(letters.shown(url, letters.where_of(show))), indent=2))
        elif discard is not None:
            typer.echo(_discard(url, discard))
        else:
            _print_letters(asyncio.run(letters.listed(url)), as_json)


def _discard(url: str, place: str) -> str:
    """Forgets a record; a sentence that says so."""
    from mimo import dead_letters as letters
    from mimo.operations import Done, Operation, audited

    where = letters.where_of(place)

    async def work(_: object) -> Done[str]:
        await letters.discard(url, where)
        said = f"Discarded {place}."
        return Done(said, said)

    return asyncio.run(audited(url, Operation("discard-dead-letter", place), work))


def _print_letters(rows: "Sequence[asyncpg.Record]", as_json: bool) -> None:
    from rich.console import Console
    from rich.table import Table

    if as_json:
        typer.echo(json.dumps([dict(row) for row in rows], default=str))
        return
    table = Table("record", "found at", "reason")
    table.columns[0].no_wrap = True
    for row in rows:
        record = f"{row['topic']}.{row['partition']}:{row['kafka_offset']}"
        table.add_row(record, f"{row['found_at']:%Y-%m-%d %H:%M:%S}", row["error"])
    if rows:
        Console().print(table)
    typer.echo(f"{len(rows)} dead letters")
