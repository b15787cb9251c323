"""`mimo parked`: events that a projection could not apply, with those of the same key that wait behind them.

It must not know how they are applied (mimo/parking.py).
"""

import asyncio
import json
from dataclasses import asdict
from functools import partial
from typing import Annotated

import typer

from mimo.options import AsJson, Data, Yes, read_settings

Name = Annotated[str, typer.Argument(metavar="PROJECTION", help="As the list shows it.")]
Key = Annotated[str, typer.Argument(metavar="KEY", help="As the list shows it.")]
Keys = Annotated[list[str] | None, typer.Argument(metavar="[KEY]...", help="Only these; else all that are parked.")]
app = typer.Typer(help="Events that a projection could not apply, and what waits behind them.")


@app.callback(invoke_without_command=True)
def parked(context: typer.Context, data: Data = None, as_json: AsJson = False) -> None:
    """List the keys of which events are parked."""
    if context.invoked_subcommand is not None:
        return
    from rich.console import Console
    from rich.table import Table

    from mimo.database import database
    from mimo.parking import listed

    with database(read_settings(data=data)) as url:
        found = asyncio.run(listed(url))
    if as_json:
        typer.echo(json.dumps([{**asdict(generation), **asdict(one)} for generation, one in found], default=str))
        return
    table = Table("projection", "generation", "key", "events", "first", "since", "why")
    for generation, one in found:
        first = f"{one.type} {one.place[0]}.{one.place[1]}:{one.first}"
        since = one.parked_at.isoformat(timespec="seconds")
        table.add_row(generation.projection, str(generation.number), one.key, str(one.events), first, since, one.error)
    Console().print(table)
    typer.echo(f"{sum(one.events for _, one in found)} events of {len(found)} keys are parked.")


@app.command("show")
def parked_show(projection: Name, key: Key, data: Data = None, as_json: AsJson = False) -> None:
    """Show the parked events of a key, in order: the first one could not be applied, the others wait behind it."""
    from infra.event_log.json_lines import json_line
    from mimo.database import database
    from mimo.event_text import event_in_full
    from mimo.parking import shown
    from mimo.replaying import wanted

    found = wanted(projection)
    with database(read_settings(data=data)) as url:
        events = asyncio.run(shown(url, found, key))
    for event in events:
        typer.echo(json_line(event) if as_json else event_in_full(event) + "\n")


@app.command("retry")
def parked_retry(projection: Name, keys: Keys = None, data: Data = None) -> None:
    """Apply parked events in order, once what was wrong is mended.

    A key ends at its first event that still cannot be applied; the exit code is then 1.
    """
    from mimo import deeds
    from mimo.database import database
    from mimo.operations import Operation, audited
    from mimo.replaying import wanted

    found = wanted(projection)
    operation = Operation("retry-parked", projection, {"keys": " ".join(keys)} if keys else {})
    with database(read_settings(data=data)) as url:
        work = partial(deeds.retry_parked, url, found, keys or ())
        outcome = asyncio.run(audited(url, operation, work))
    typer.echo(f"Applied {outcome.applied} events.")
    for sentence in outcome.still:
        typer.echo(sentence, err=True)
    raise typer.Exit(1 if outcome.still else 0)


@app.command("discard")
def parked_discard(projection: Name, key: Key, data: Data = None, yes: Yes = False) -> None:
    """Give up a key's parked events: the view goes on without them.

    They stay in the log, so a replay meets them again, and `mimo verify` shows what the view lacks.
    """
    from mimo import deeds
    from mimo.database import database
    from mimo.operations import Operation, audited
    from mimo.parking import events_of, listed
    from mimo.replaying import wanted

    found = wanted(projection)
    with database(read_settings(data=data)) as url:
        parked = asyncio.run(listed(url))
        events = events_of([(of, one) for of, one in parked if (of.projection, one.key) == (projection, key)])
        if not yes:
            typer.confirm(f"Give up {events} events of {key} in {projection}?", abort=True)
        operation = Operation("discard-parked", projection, {"key": key, "events": str(events)})
        number = asyncio.run(audited(url, operation, partial(deeds.discard_parked, url, found, key, events)))
    typer.echo(f"Gave up {number} events.")
