"""`mimo events docs`: writes the public contract's documents, or says which of them are out of date.

It must not know what is in them: that is made in `events.contract`.
"""

import typer

app = typer.Typer(help="Events, the public contract.", no_args_is_help=True)


@app.callback()
def events() -> None:
    """Events, the public contract."""
