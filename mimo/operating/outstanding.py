"""What was asked for at the desk and has not ended, and which worker does it: claims of the log, and session locks.

It must not know how anything is done.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast
from uuid import UUID

import asyncpg
import msgspec

from events.catalog import parse
from events.claims import UNDERWAY_SCOPE
from events.operations import OperationRequested
from events.recorded import Meta
from infra.event_log.membership import Pace

_SESSION = "select set_config('idle_session_timeout', $1, false)"
_OUTSTANDING = """
    select e.id, e.type, e.schema, e.data, e.meta from log.claim c join log.event e on e.id = c.event_id
    where c.scope = $1 order by e.position"""
_TAKE = "select pg_try_advisory_lock(hashtextextended('mimo operations on ' || $1, 0))"
_GIVE_BACK = "select pg_advisory_unlock(hashtextextended('mimo operations on ' || $1, 0))"
_IS_OUTSTANDING = "select exists (select from log.claim where scope = $1 and event_id = $2)"


@dataclass(eq=False)
class Outstanding:
    """Something that was asked for.

    Attributes:
        event_id: of the request.
        asked: the request.
        correlation_id: of the request.
        working: whether it is being done; once it is done, only its end is still to be written down.
        stopped: an admin has cancelled it while it was being done.
    """

    event_id: UUID
    asked: OperationRequested
    correlation_id: str
    working: bool = True
    stopped: bool = False

    def __eq__(self, other: object) -> bool:
        """The same request."""
        return isinstance(other, Outstanding) and self.event_id == other.event_id

    def __hash__(self) -> int:
        """By its request."""
        return hash(self.event_id)

    @property
    def action(self) -> str:
        """What is to be done."""
        return self.asked.action

    @property
    def target(self) -> str:
        """To what; two workers never work on the same."""
        return self.asked.target


class Books:
    """One worker's look at them, on a session of its own.

    Args:
        session: in the role that may read claims; nobody else uses it.
        pace: after how much silence the server ends it, and the locks with it.
    """

    def __init__(self, session: asyncpg.Connection, pace: Pace) -> None:
        self._session = session
        self._pace = pace

    async def open(self) -> None:
        """Has the session end when its process is frozen."""
        await self._ask(_SESSION, f"{round(self._pace.silence_seconds * 1000)}ms")

    async def outstanding(self) -> list[Outstanding]:
        """What has not ended, the oldest first."""
        return [_read(row) for row in await self._ask(_OUTSTANDING, UNDERWAY_SCOPE)]

    async def take(self, one: Outstanding) -> bool:
        """Whether this worker is to do it: nobody works on the same target, nor has ended it just now."""
        if not (await self._ask(_TAKE, one.target))[0][0]:
            return False
        if (await self._ask(_IS_OUTSTANDING, UNDERWAY_SCOPE, one.event_id))[0][0]:
            return True
        await self.give_back(one.target)
        return False

    async def give_back(self, target: str) -> None:
        """Leaves a target to others."""
        await self._ask(_GIVE_BACK, target)

    async def _ask(self, statement: str, *arguments: object) -> Sequence[asyncpg.Record]:
        rows: list[asyncpg.Record] = await self._session.fetch(
            statement, *arguments, timeout=self._pace.silence_seconds
        )
        return rows


def _read(row: asyncpg.Record) -> Outstanding:
    event_id = UUID(bytes=row["id"].bytes)
    asked = parse(row["type"], row["schema"], row["data"], event_id)
    correlation_id = msgspec.json.decode(row["meta"], type=Meta).correlation_id
    return Outstanding(event_id, cast("OperationRequested", asked), correlation_id)
