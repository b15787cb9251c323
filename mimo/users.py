"""`mimo users`: roles for people, and erasing them. It must not hold any logic of its own (mimo/accounts.py has it)."""

import asyncio
from enum import StrEnum
from typing import Annotated

import typer

from mimo.options import Data, Yes, read_settings

app = typer.Typer(help="People and what they may do.", no_args_is_help=True)

Email = Annotated[str, typer.Argument(help="The address that the person registered with.")]


class GrantedRole(StrEnum):
    """The roles that an operator can grant."""

    INSTRUCTOR = "instructor"
    ADMIN = "admin"


@app.command("grant")
def users_grant(
    email: Email,
    role: Annotated[GrantedRole, typer.Argument(help="What the person becomes.")],
    data: Data = None,
) -> None:
    """Make somebody an instructor or an admin; it holds from their next login or refresh on."""
    from infra.secrets import load_secrets
    from mimo.accounts import grant
    from mimo.database import database

    settings = read_settings(data=data)
    with database(settings) as url:
        new = asyncio.run(grant(url, load_secrets(settings), email, role.value))
    typer.echo(f"{email} is {'now' if new else 'already'} {role.value}.")


@app.command("erase")
def users_erase(email: Email, data: Data = None, yes: Yes = False) -> None:
    """Erase somebody for good: nobody can read their name, address and messages any more. Prints the receipt as JSON.

    The key that these are sealed with is destroyed; it cannot be undone.
    """
    import msgspec

    from infra.secrets import load_secrets
    from mimo.accounts import erase
    from mimo.database import database

    settings = read_settings(data=data)
    if not yes:
        typer.confirm(f"Erase {email}? Their name, address and messages are lost for ever.", abort=True, err=True)
    with database(settings) as url:
        receipt = asyncio.run(erase(url, load_secrets(settings), email))
    typer.echo(msgspec.json.encode(receipt).decode())
