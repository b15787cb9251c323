"""`mimo replay --into` and `mimo scratch`: a part of the log as a view would show it, in a schema to be looked at.

It must not know how it is built (projectors/past.py), nor how people are erased in it.
"""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import timedelta
from functools import partial
from typing import Annotated

import typer

from events.errors import CannotStart
from mimo.options import AsJson, Data, Yes, read_settings

KEEP_DAYS = 7
app = typer.Typer(help="Scratch schemas: parts of the log to look at, made by `mimo replay --into`.")


@dataclass(frozen=True)
class Asked:
    """What somebody wants to look at.

    Attributes:
        into: the schema's name; None: nothing, this is another kind of replay.
        until: a position, or a time as `mimo events` takes it; None: everything up to now.
        stream: of this stream only.
        key: of this key only.
        keep: for so many days.
    """

    into: str | None
    until: str | None = None
    stream: str | None = None
    key: str | None = None
    keep: int | None = None

    def options(self) -> Mapping[str, str]:
        """What was given, as it was given."""
        given = {"into": self.into, "until": self.until, "stream": self.stream, "key": self.key, "keep": self.keep}
        return {name: str(value) for name, value in given.items() if value is not None}

    def require_whole(self, *, other_options: bool) -> None:
        """Makes sure that this goes together.

        Args:
            other_options: whether options are given that belong to the other kind of replay.

        Raises:
            CannotStart: it does not; the text says how it would.
        """
        if self.into is None and self.options():
            raise CannotStart(
                "--until, --stream, --key and --keep are about a part of the log: say --into what schema."
            )
        if self.into is not None and other_options:
            raise CannotStart("--from, --jobs, --rate and --dry-run do not go with --into.")


def build(projection: str, asked: Asked, data: Data) -> None:
    """Builds what was asked for, shows how far it is, and says how to look at it and how to drop it.

    Args:
        projection: its name.
        asked: with a schema's name.
        data: the data folder.
    """
    from mimo.database import database
    from mimo.looking_back import look_back, part_of
    from mimo.operations import Operation, also_telling, audited
    from mimo.progress_bar import bar
    from mimo.replaying import wanted
    from projectors.kept import require_name

    one, name = wanted(projection), asked.into or ""
    require_name(name)
    with database(read_settings(data=data)) as url, bar() as told:
        part = asyncio.run(part_of(url, asked.until, asked.stream, asked.key))
        keep = timedelta(days=asked.keep or KEEP_DAYS)
        work = also_telling(told, partial(look_back, url, one, name, part, keep))
        operation = Operation("replay-scratch", projection, asked.options())
        kept = asyncio.run(audited(url, operation, work))
    typer.echo(f"{name} shows {projection} up to position {part.upto}:")
    for view in kept.views:
        typer.echo(f"  select * from {view};")  # noqa: S608 - for people to copy
    typer.echo(f"It is dropped on {kept.keep_until:%F} or by `mimo scratch drop {name}`.")


@app.callback(invoke_without_command=True)
def scratch(context: typer.Context, data: Data = None, as_json: AsJson = False) -> None:
    """List the scratch schemas: what is in them, and until when."""
    if context.invoked_subcommand is not None:
        return
    from rich.console import Console
    from rich.table import Table

    from mimo.database import database
    from mimo.looking_back import listed

    with database(read_settings(data=data)) as url:
        found = asyncio.run(listed(url))
    if as_json:
        typer.echo(json.dumps([asdict(one) for one in found], default=str))
        return
    table = Table("schema", "projection", "up to", "only", "dropped on", "views")
    for column in table.columns:
        column.no_wrap = column.header != "only"
    for one in found:
        only = " ".join(filter(None, (one.part.stream, one.part.key))) or "-"
        views = "\n".join(view.partition(".")[2] for view in one.views)
        upto, dropped = str(one.part.upto), f"{one.keep_until:%F}"
        table.add_row(one.name, one.generation.projection, upto, only, dropped, views)
    Console().print(table)


@app.command("drop")
def scratch_drop(
    name: Annotated[str, typer.Argument(metavar="NAME", help="As the list shows it.")],
    data: Data = None,
    yes: Yes = False,
) -> None:
    """Drop a scratch schema, with all that is in it."""
    from mimo.database import database
    from mimo.looking_back import drop
    from mimo.operations import Operation, audited

    if not yes:
        typer.confirm(f"Drop {name}?", abort=True)
    with database(read_settings(data=data)) as url:
        asyncio.run(audited(url, Operation("drop-scratch", name), partial(drop, url, name)))
    typer.echo(f"Dropped {name}.")
