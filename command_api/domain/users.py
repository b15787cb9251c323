"""Accounts: registering, profiles and passwords. It must not know how passwords are hashed or sessions shown."""

from __future__ import annotations

from uuid import UUID

from command_api.domain.decision import Decision
from events import claims
from events.errors import EmailTaken, MimoError, Refused, Unauthenticated
from events.ports import PrivateWrite
from events.users import PasswordChanged, UserProfileChanged, UserRegistered


def password_name(user_id: UUID) -> str:
    """The private value that holds a person's password hash."""
    return f"password/{user_id}"


def data_key_name(user_id: UUID) -> str:
    """The private value that holds the key of a person's personal data."""
    return f"data_key/{user_id}"


def register(
    user_id: UUID, email: str, email_hmac: str, display_name: str, *, password_hash: bytes, data_key: bytes
) -> Decision:
    """Someone creates an account.

    Args:
        user_id: a fresh id.
        email: as it was typed.
        email_hmac: of the normalised address: at most one account has it.
        display_name: how they want to be shown.
        password_hash: kept privately.
        data_key: 32 fresh bytes that seal the person's data, kept privately.
    """
    event = UserRegistered(user_id=user_id, email_hmac=email_hmac, email=email, display_name=display_name)
    return Decision(
        (event,),
        private=(
            PrivateWrite("set", password_name(user_id), password_hash, 0),
            PrivateWrite("set", data_key_name(user_id), data_key, 0),
        ),
    )


def register_refused(refused: Refused) -> MimoError:
    """Why an account could not be created."""
    return EmailTaken() if refused.reason == "taken" else refused


def change_profile(user_id: UUID, display_name: str) -> Decision:
    """Someone changes how they are shown; nobody who was erased meanwhile."""
    return Decision((UserProfileChanged(user_id=user_id, display_name=display_name),), absent=(claims.erased(user_id),))


def change_profile_refused(refused: Refused) -> MimoError:
    """Why a profile could not be changed."""
    return Unauthenticated("This account does not exist any more.") if refused.reason == "taken" else refused


def change_password(user_id: UUID, session_id: UUID, new_hash: bytes, version: int) -> Decision:
    """Someone who proved the old password sets a new one; their other sessions end.

    Args:
        user_id: who.
        session_id: the session that goes on; it must not have ended meanwhile.
        new_hash: of the new password.
        version: of the old hash: if that changed meanwhile, the proof is worth nothing any more.
    """
    return Decision(
        (PasswordChanged(user_id=user_id, session_id=session_id),),
        need=(claims.session(user_id, session_id),),
        private=(PrivateWrite("set", password_name(user_id), new_hash, version),),
    )


def change_password_refused(refused: Refused) -> MimoError:
    """Why the password could not be changed; `stale` is decided anew instead."""
    return Unauthenticated("This session has ended; sign in again.") if refused.reason == "missing" else refused
