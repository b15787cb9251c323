"""`mimo log renew`: what a restored log needs before it is used. It must not hold any logic of its own."""

import asyncio
from typing import Annotated

import typer

from mimo.options import Data, Yes, read_settings

app = typer.Typer(help="The log itself.", no_args_is_help=True)


@app.callback()
def log() -> None:
    """The log itself."""


@app.command("renew")
def log_renew(
    data: Data = None,
    yes: Yes = False,
    without_keys: Annotated[bool, typer.Option("--without-keys", help="Erase everybody if nobody has a key.")] = False,
) -> None:
    """Make a restored log another history: needed after every restore, with everything stopped.

    Bookmarks of the lost future are then refused instead of misread, views are built anew, everybody signs in again,
    and whoever has no key in the restored private values is erased in this history, too.
    """
    from mimo.database import database
    from mimo.renewal import inspect, renew

    with database(read_settings(data=data)) as url:
        if not yes:
            found = asyncio.run(inspect(url))
            typer.echo(f"Of {found.people} people in this log {len(found.keyless)} have no key and are erased again.")
            typer.confirm("Make this log another history, and sign everybody out?", abort=True)
        done = asyncio.run(renew(url, without_keys=without_keys))
    typer.echo(f"The log is history {done.log_id} now.")
    typer.echo(f"People erased again: {len(done.erased)}. People whom it does not know, forgotten: {done.strangers}.")
