"""What the modules of the `mimo` command share: options that several commands have, the settings, who is asking.

It must not know any command.
"""

import getpass
from pathlib import Path
from typing import Annotated

import typer

from infra.settings import Settings, load_settings
from infra.telemetry import configure_logging

Data = Annotated[Path | None, typer.Option(help="Folder of the embedded database and of the keys. \\[default: data]")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for scripts.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do it without asking.")]


def read_settings(**given: object) -> Settings:
    """Read the settings and set up logging.

    Args:
        given: what the command line says; None means not given.
    """
    found = load_settings(**given)
    configure_logging(found, "mimo")
    return found


def operator() -> str:
    """The account that runs the command, for what is noted of it."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container may run under a number without a name
        return "unknown"
