"""A connection that is opened again whenever it is lost, after a pause that grows while nothing helps.

Whoever follows the database from where they are keeps one. It must not know what is done with it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import NoReturn

import asyncpg
import structlog

from events.errors import MimoError
from infra.postgres import AWAY

PAUSES_SECONDS = (0.05, 0.1, 0.25, 0.5, 1.0)
STEADY_SECONDS = 1.0
"""A connection that served for so long was good: after it, the pauses begin anew."""

Connect = Callable[[], Awaitable[asyncpg.Connection]]
Use = Callable[[asyncpg.Connection], Awaitable[None]]


async def keep_connection(connect: Connect, use: Use, name: str, lost: Callable[[], None] = lambda: None) -> NoReturn:
    """Uses a connection, and then the next one, until it is cancelled.

    Args:
        connect: opens a connection.
        use: uses it for as long as it is good; whatever it raises is logged.
        name: of the user, for the log.
        lost: is called whenever a connection is over, or could not be opened.
    """
    log = structlog.get_logger(f"mimo.{name}")
    failures = 0
    while True:
        connection: asyncpg.Connection | None = None
        steady_at = float("inf")
        try:
            connection = await connect()
            steady_at = monotonic() + STEADY_SECONDS
            await use(connection)
        except (asyncpg.PostgresError, *AWAY, MimoError) as error:
            log.warning("connection_lost", error=f"{type(error).__name__}: {error}", failures=failures)
        except Exception as error:
            log.error("follower_failed", exc_info=error)
        finally:
            lost()
            if connection is not None:
                connection.terminate()
        if monotonic() > steady_at:
            failures = 0
        await asyncio.sleep(PAUSES_SECONDS[min(failures, len(PAUSES_SECONDS) - 1)])
        failures += 1
