"""`mimo events docs`: writes the documents of the public contract, or says which of them are out of date.

It must not know how they are made.
"""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="Events, the public contract.", no_args_is_help=True)


@app.callback()
def events() -> None:
    """Events, the public contract."""


@app.command("docs")
def events_docs(
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; exit code 1 if a file is out of date.")
    ] = False,
    folder: Annotated[Path, typer.Option(help="Folder of the documents.")] = Path("docs"),
) -> None:
    """Make JSON Schemas, the AsyncAPI document and the page about events from the event classes."""
    from mimo.contract import outdated

    changed = outdated(folder)
    for path, text in changed.items():
        if not check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        typer.echo(f"{path} {'is out of date' if check else 'is renewed'}")
    if check and changed:
        typer.echo("Run `mimo events docs`.")
        raise typer.Exit(1)
