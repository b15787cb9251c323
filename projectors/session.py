"""The connection on which one generation's view is written. It must not know what is written."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import asyncpg

from projectors.checkpoints import Generation

Connect = Callable[[], Awaitable[asyncpg.Connection]]

# View and checkpoint fall back together when the machine dies, so nobody waits for the disk. Every lookup is by key:
# a plan made while the tables were empty must not go on scanning them when they are large.
_SETTINGS = """
    select set_config('search_path', quote_ident($1), false), set_config('synchronous_commit', 'off', false),
      set_config('enable_seqscan', 'off', false), set_config('enable_hashjoin', 'off', false),
      set_config('enable_mergejoin', 'off', false)"""


class ViewSession:
    """A connection with the generation's schema alone on its search path; opened anew when it broke.

    Args:
        connect: opens a connection in the role that writes views, with its transaction time-out.
        generation: whose tables are written.
    """

    def __init__(self, connect: Connect, generation: Generation) -> None:
        self._connect = connect
        self._generation = generation
        self._connection: asyncpg.Connection | None = None

    async def connection(self) -> asyncpg.Connection:
        """The connection; one user at a time."""
        if self._connection is None or self._connection.is_closed():
            self._connection = await self._connect()
            await self._connection.execute(_SETTINGS, self._generation.schema)
        return self._connection

    def close(self) -> None:
        """Drops the connection; what was not committed is rolled back."""
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None
