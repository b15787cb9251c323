"""Erasing a person: what goes, and what refuses it. It must not know how private values are stored or views cleaned.

What names the person is sealed with their key, everywhere: destroying that key is what erases. Seats, messages without
their texts and courses stay, of somebody without a name.
"""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from command_api.domain.decision import Decision
from command_api.domain.sessions import family_name
from command_api.domain.users import data_key_name, password_name
from events import claims
from events.errors import MimoError, Refused, Unauthenticated
from events.ports import PrivateWrite
from events.users import UserErased


def erase(user_id: UUID, email_hmac: str, sessions: Sequence[UUID], session_id: UUID | None) -> Decision:
    """A person is erased, once and for good.

    Args:
        user_id: who.
        email_hmac: of the address that they registered with, which becomes free.
        sessions: those that go on; their refresh tokens are destroyed as well.
        session_id: the one that asks for it, which must go on; None: an operator does.
    """
    names = (data_key_name(user_id), password_name(user_id), *(family_name(session) for session in sessions))
    kinds = dict.fromkeys(name.partition("/")[0] for name in names)
    return Decision(
        (UserErased(user_id=user_id, email_hmac=email_hmac, destroyed=tuple(kinds)),),
        need=() if session_id is None else (claims.session(user_id, session_id),),
        private=tuple(PrivateWrite("delete", name) for name in names),
    )


def refused(refusal: Refused) -> MimoError:
    """Why somebody could not be erased."""
    if refusal.reason == "missing":
        return Unauthenticated("This session has ended; sign in again.")
    return Unauthenticated("This account does not exist any more.") if refusal.reason == "taken" else refusal
