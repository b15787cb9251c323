"""`mimo replay`, `rollback`, `generations` and `drop`: the builds of a projection, and which one readers see.

It must not know how a generation is built or shown (projectors/replay.py, projectors/generations.py).
"""

import asyncio
import json
from functools import partial
from typing import Annotated

import typer

from mimo import scratch
from mimo.options import AsJson, Data, Yes, read_settings

Name = Annotated[str, typer.Argument(metavar="PROJECTION", help="Such as messages; `mimo status` lists them.")]
Number = Annotated[int, typer.Argument(metavar="GENERATION", help="Its number; `mimo generations` lists them.")]


def replay(
    projection: Name,
    source: Annotated[str, typer.Option("--from", help="log, or kafka (the topics).")] = "log",
    jobs: Annotated[int, typer.Option(min=1, help="Processes that build; they share the partitions.")] = 1,
    rate: Annotated[float | None, typer.Option(min=1, help="Events a second at most, to spare a busy system.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")] = False,
    into: Annotated[str | None, typer.Option(help="A schema scratch_…: build a part of the log there instead.")] = None,
    until: Annotated[
        str | None, typer.Option(help="--into: up to a position, or a time as `mimo events` has it.")
    ] = None,
    stream: Annotated[str | None, typer.Option(help="--into: only events of this stream, such as course-ID.")] = None,
    key: Annotated[str | None, typer.Option(help="--into: only events of this user, course or channel.")] = None,
    keep: Annotated[int | None, typer.Option(min=1, help="--into: days until it is dropped. \\[default: 7]")] = None,
    data: Data = None,
) -> None:
    """Build a projection anew from the log beside the live one, then show it to readers.

    Readers see the old one until the new one has everything that they saw; nobody meets an error or an older answer.
    Killed in the middle, the same command goes on where it was. The old generation is kept up for `mimo rollback`,
    until `mimo drop`.

    With --into nothing is shown to readers: the past, or one stream or key of it, is built into a schema to look at.
    """
    from mimo import deeds
    from mimo.database import database
    from mimo.operations import Operation, also_telling, audited
    from mimo.progress_bar import bar
    from mimo.replaying import Plan, plan_sentence, wanted

    asked = scratch.Asked(into, until, stream, key, keep)
    asked.require_whole(other_options=(source, jobs, rate, dry_run) != ("log", 1, None, False))
    if into is not None:
        scratch.build(projection, asked, data)
        return
    settings = read_settings(data=data)
    plan = Plan(wanted(projection), source, jobs, rate)
    environment = plan.environment(settings)
    with database(settings) as url:
        if dry_run:
            typer.echo(asyncio.run(plan_sentence(url, plan)))
            return
        with bar() as told:
            work = also_telling(told, partial(deeds.replay, url, plan, environment))
            generation = asyncio.run(audited(url, Operation("replay", projection, plan.options()), work))
    typer.echo(f"Readers see {generation.schema} now.")


def rollback(projection: Name, data: Data = None) -> None:
    """Show the generation again that readers saw before; it has been kept up with the log meanwhile."""
    from mimo import deeds
    from mimo.database import database
    from mimo.operations import Operation, audited
    from mimo.replaying import shown_before, wanted

    found = wanted(projection)
    with database(read_settings(data=data)) as url:
        number = asyncio.run(shown_before(url, found)).number
        operation = Operation("rollback", projection, {"generation": str(number)})
        generation = asyncio.run(audited(url, operation, partial(deeds.rollback, url, found, number)))
    typer.echo(f"Readers see {generation.schema} now.")


def generations(
    projection: Annotated[str | None, typer.Argument()] = None, data: Data = None, as_json: AsJson = False
) -> None:
    """List the builds of each projection: which one readers see, and which stand by."""
    from rich.console import Console
    from rich.table import Table

    from mimo.database import database
    from mimo.replaying import list_generations, wanted

    name = None if projection is None else wanted(projection).name
    with database(read_settings(data=data)) as url:
        found = asyncio.run(list_generations(url, name))
    if as_json:
        typer.echo(json.dumps(found))
        return
    table = Table("generation", "status", "built", "shown", "behind", "size")
    table.columns[0].no_wrap = True
    for one in found:
        name = f"{one['projection']}_v{one['version']}_g{one['generation']}"
        shown, size = one["live_at"] or "never", f"{one['bytes'] / 1_000_000:.1f} MB"
        table.add_row(name, one["status"], one["created_at"], shown, str(one["events_behind"]), size)
    Console().print(table)


def drop(projection: Name, generation: Number, data: Data = None, yes: Yes = False) -> None:
    """Drop a generation that readers do not see, with its tables."""
    from mimo import deeds
    from mimo.database import database
    from mimo.operations import Operation, audited
    from mimo.replaying import wanted

    found = wanted(projection)
    if not yes:
        typer.confirm(f"Drop generation {generation} of {projection}?", abort=True)
    with database(read_settings(data=data)) as url:
        operation = Operation("drop", projection, {"generation": str(generation)})
        asyncio.run(audited(url, operation, partial(deeds.drop, url, found, generation)))
    typer.echo(f"Dropped generation {generation} of {projection}.")
