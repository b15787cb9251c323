"""Connections and pools to PostgreSQL: whose role, under which name, with which time-outs.

It must not know schemas or statements. Addresses are `postgresql://…` everywhere; `postgres://` and
`postgresql+asyncpg://` are understood.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit

import asyncpg

from events.errors import CannotStart

TRANSACTION_TIMEOUT_SECONDS = 5.0
"""How long a frozen client may hold others up (architecture.md, section 3)."""
CONNECT_SECONDS = 10.0
SCHEMES = ("postgresql", "postgres", "postgresql+asyncpg")

AWAY: tuple[type[Exception], ...] = (
    OSError,
    TimeoutError,
    CannotStart,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # what asyncpg raises when a connection breaks at the wrong moment
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.InvalidTransactionStateError,  # a time-out of ours ended the session
)
"""What says "the database is away or ended the session": nothing is wrong with the statement, try again later."""

Setup = Callable[[asyncpg.Connection], Awaitable[None]]


class Role(StrEnum):
    """The database roles, one per application; made by migrations."""

    COMMAND = "mimo_command"
    PROJECTOR = "mimo_projector"
    QUERY = "mimo_query"
    RELAY = "mimo_relay"


def driver_url(url: str) -> str:
    """Check an address and write it the way that asyncpg understands.

    Args:
        url: `postgresql://user:password@host:port/database?…`, or with one of the other schemes.

    Returns:
        The same with the scheme `postgresql`.

    Raises:
        CannotStart: it is not such an address.
    """
    scheme, separator, rest = url.partition("://")
    if not separator or scheme not in SCHEMES:
        raise CannotStart("MIMO_DATABASE_URL must look like postgresql://user:password@host:5432/database.")
    try:
        urlsplit(f"postgresql://{rest}").port  # noqa: B018 - the property raises on nonsense
    except ValueError as error:
        raise CannotStart(f"MIMO_DATABASE_URL cannot be read: {error}.") from None
    return f"postgresql://{rest}"


def without_password(url: str) -> str:
    """The address as it may be shown: host, port and database."""
    parts = urlsplit(driver_url(url))
    return f"{parts.hostname or 'localhost'}:{parts.port or 5432}{parts.path}"


async def connect(
    url: str,
    *,
    application: str,
    role: Role | None = None,
    transaction_timeout_seconds: float = TRANSACTION_TIMEOUT_SECONDS,
    **options: Any,
) -> asyncpg.Connection:
    """Open one connection.

    Args:
        url: the database.
        application: shown in pg_stat_activity, such as `mimo-command`.
        role: the role to take; None stays the login itself (migrations only).
        transaction_timeout_seconds: after so long the server ends a transaction and its session; 0 means never.
        options: further arguments of `asyncpg.connect`.

    Returns:
        The open connection; the caller closes it.

    Raises:
        CannotStart: the address is wrong, or the server is out of reach or refuses us; the text says which.
    """
    settings = _settings(application, role, transaction_timeout_seconds)
    try:
        return await asyncpg.connect(
            driver_url(url), server_settings=settings, **{"timeout": CONNECT_SECONDS, **options}
        )
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise _explained(url, role, error) from error


@asynccontextmanager
async def pool(
    url: str,
    *,
    application: str,
    role: Role | None = None,
    min_size: int = 1,
    max_size: int = 4,
    transaction_timeout_seconds: float = TRANSACTION_TIMEOUT_SECONDS,
    init: Setup | None = None,
    **options: Any,
) -> AsyncIterator[asyncpg.Pool]:
    """Open a pool of connections and close it at the end.

    A connection is given back as it is, without the round trip that would reset it: users of the pool leave no session
    state behind (no SET, no LISTEN, no session locks); who needs such state opens a connection of its own.

    Args:
        url: the database.
        application: shown in pg_stat_activity.
        role: the role that every connection takes.
        min_size: connections opened at once; 0 waits for the first use, so that a server that is away does not matter.
        max_size: connections at most.
        transaction_timeout_seconds: as for `connect`.
        init: called once for every new connection, for codecs and the like.
        options: further arguments of `asyncpg.create_pool`.

    Raises:
        CannotStart: no connection can be opened (with min_size above 0).
    """
    opened = asyncpg.create_pool(
        driver_url(url),
        min_size=min_size,
        max_size=max_size,
        init=init,
        reset=_leave_as_it_is,
        server_settings=_settings(application, role, transaction_timeout_seconds),
        **{"timeout": CONNECT_SECONDS, **options},
    )
    try:
        await opened
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise _explained(url, role, error) from error
    try:
        yield opened
    finally:
        await opened.close()


def _settings(application: str, role: Role | None, transaction_timeout_seconds: float) -> dict[str, str]:
    settings = {
        "application_name": application,
        "timezone": "UTC",
        "jit": "off",
        "transaction_timeout": f"{round(transaction_timeout_seconds * 1000)}ms",
    }
    if role is not None:
        settings["role"] = role.value
    return settings


async def _leave_as_it_is(_connection: asyncpg.Connection) -> None:
    """The pool's reset: none."""


def _explained(url: str, role: Role | None, error: Exception) -> CannotStart:
    """Say in a sentence why no connection could be opened, without the password."""
    place = without_password(url)
    if isinstance(error, asyncpg.InvalidAuthorizationSpecificationError):
        return CannotStart(f"PostgreSQL at {place} refuses the login: {error}.")
    if isinstance(error, asyncpg.InvalidCatalogNameError):
        return CannotStart(f"PostgreSQL at {place} has no such database: {error}.")
    if isinstance(error, asyncpg.UndefinedObjectError) and "transaction_timeout" in str(error):
        return CannotStart(f"PostgreSQL at {place} is too old: mimo needs 17 or newer.")
    if role is not None and "role" in str(error):
        return CannotStart(f"The role {role} cannot be taken at {place} ({error}): run `mimo migrate` first.")
    reason = str(error) or type(error).__name__
    return CannotStart(f"PostgreSQL at {place} cannot be reached: {reason}.")
