"""One ear per process for the log's NOTIFY: tells each follower of news of its own topics, and no others.

Without it every follower would ask the log after every append. It only wakes: a follower that hears nothing asks by
itself now and then, so nothing is lost when this connection is. It must not know what followers do.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Collection

import asyncpg

from infra.kept_connection import Connect, keep_connection

CHANNEL = "mimo_log"
MANY_POSITIONS = 5_000
"""After so much news it is cheaper to wake everybody than to find out whose it is."""
QUERY_TIMEOUT_SECONDS = 5.0

_HEAD = "select coalesce(max(position), 0) from log.tail"
_NEWS = """
    select coalesce(max(position), $1) as head, coalesce(array_agg(distinct topic), '{}') as topics
    from (select position, topic from log.tail where position > $1 order by position limit $2) news"""

Wake = Callable[[int], None]
"""Is handed a position up to which everything is committed."""


class Pulse:
    """Listens for as long as anybody follows.

    Args:
        connect: opens a connection whose role may read `log.tail`.
        poll_seconds: how long to wait at most before asking anyway.
    """

    def __init__(self, connect: Connect, poll_seconds: float) -> None:
        self._connect = connect
        self._poll_seconds = poll_seconds
        self._followers: dict[Wake, frozenset[str]] = {}
        self._task: asyncio.Task[None] | None = None

    @contextlib.asynccontextmanager
    async def heard(self, topics: Collection[str], wake: Wake) -> AsyncIterator[None]:
        """Has `wake` called after news of these topics, until the block ends."""
        self._followers[wake] = frozenset(topics)
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name="pulse")
        try:
            yield
        finally:
            del self._followers[wake]
            if not self._followers and self._task is not None:
                task, self._task = self._task, None
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task

    async def _run(self) -> None:
        await keep_connection(self._connect, self._listen, "pulse")

    async def _listen(self, connection: asyncpg.Connection) -> None:
        news = asyncio.Event()
        connection.add_termination_listener(lambda _: news.set())
        await connection.add_listener(CHANNEL, lambda *_: news.set())
        head = await connection.fetchval(_HEAD, timeout=QUERY_TIMEOUT_SECONDS)
        self._tell(head, None)
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._poll_seconds):
                    await news.wait()
            news.clear()
            row = await connection.fetchrow(_NEWS, head, MANY_POSITIONS, timeout=QUERY_TIMEOUT_SECONDS)
            if row["head"] > head:
                self._tell(row["head"], None if row["head"] - head >= MANY_POSITIONS else row["topics"])
                head = row["head"]

    def _tell(self, head: int, topics: Collection[str] | None) -> None:
        for wake, wanted in list(self._followers.items()):
            if topics is None or not wanted.isdisjoint(topics):
                wake(head)
