"""What a failure means: try again later, cut the batch smaller, or an event that cannot be applied.

It must not know projections. What it writes about a failure holds none of an event's data, for that may be personal.
"""

from __future__ import annotations

import traceback
from enum import StrEnum
from pathlib import Path

import asyncpg

from events.errors import BrokenLog, MimoError
from infra.postgres import AWAY

_TRANSIENT = (
    *AWAY,
    asyncpg.TransactionRollbackError,  # deadlocks, serialisation
    asyncpg.LockNotAvailableError,
    asyncpg.ObjectInUseError,
    asyncpg.PostgresSystemError,
    asyncpg.ReadOnlySQLTransactionError,  # a fail-over is going on
    asyncpg.InsufficientPrivilegeError,
    MemoryError,
)
# The statement is wrong whatever the event is: tables are missing or of another shape. An operator must see to it.
_SETUP = (asyncpg.SyntaxOrAccessError, asyncpg.InvalidSchemaNameError, BrokenLog)


class Failure(StrEnum):
    """The classes of failures."""

    TRANSIENT = "transient"
    SLOW = "slow"
    POISON = "poison"


def classify(error: BaseException) -> Failure:
    """What to do about an error.

    Returns:
        `TRANSIENT`: back off and try again for ever. `SLOW`: it took too long; a smaller batch may not.
        `POISON`: some event of the batch cannot be applied.
    """
    if isinstance(error, asyncpg.TransactionTimeoutError | asyncpg.QueryCanceledError | TimeoutError):
        return Failure.SLOW
    if isinstance(error, asyncpg.DataError):  # also raised by the driver, as an InterfaceError
        return Failure.POISON
    return Failure.TRANSIENT if isinstance(error, _TRANSIENT + _SETUP) else Failure.POISON


def described(error: BaseException) -> str:
    """What went wrong, in one line without any data of the event."""
    if isinstance(error, MimoError):
        return f"{type(error).__name__}: {error}"
    if isinstance(error, asyncpg.PostgresError):
        place = error.constraint_name or error.table_name or ""
        return f"{type(error).__name__} ({error.sqlstate}) {place}".rstrip()
    frames = traceback.extract_tb(error.__traceback__)
    where = f" in {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    return f"{type(error).__name__}{where}"
