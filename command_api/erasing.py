"""Erasing a person, for themselves over HTTP and for operators: from an id to the event that is the receipt.

It must not know who asks for it. The rules are in `domain/erasing.py`; here they meet the log.
"""

from __future__ import annotations

from uuid import UUID

import orjson

from command_api.domain import erasing
from command_api.domain.decision import Decision
from command_api.write import Intent, WritePath
from events.catalog import upcast
from events.errors import Unauthenticated
from events.ports import Appended
from infra.event_store import PostgresEventStore


async def erase(
    store: PostgresEventStore, write: WritePath, intent: Intent, user_id: UUID, session_id: UUID | None = None
) -> Appended:
    """Erases a person, and drops the key that this process may have at hand.

    Args:
        store: the log.
        write: the write path to it.
        intent: who wants it.
        user_id: who is erased.
        session_id: the session that asks for it; None: an operator does.

    Raises:
        Unauthenticated: the session ended, or the person is erased already.
        Overloaded: the log is out of reach.
    """

    async def decide() -> Decision:
        registered = await store.first(f"user-{user_id}")
        if registered is None:
            raise Unauthenticated("This account does not exist.")
        # Who signs in at this very moment leaves a refresh family behind: its session is over, housekeeping removes it.
        sessions = await store.sessions(user_id)
        data = upcast(registered.type, registered.schema, orjson.loads(registered.data))
        return erasing.erase(user_id, data["email_hmac"], sessions, session_id)

    appended = await write.decided(intent, decide, erasing.refused)
    store.ring.forget(user_id)
    return appended
