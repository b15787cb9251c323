"""Signing in, refreshing and signing out, from a password or refresh token to the tokens of a session.

It must not know HTTP. The rules are in `domain/sessions.py`; here they meet the log, the clock and the hashing pool.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from time import time
from uuid import UUID

import msgspec

from command_api.api import CommandApi
from command_api.domain import sessions
from command_api.domain.decision import Decision
from command_api.domain.sessions import RefreshFamily
from command_api.write import Intent
from events import claims
from events.errors import MimoError, NotFound, Refused, Unauthenticated
from events.ports import Appended
from events.recorded import Meta
from infra.event_store import Login, RefreshState
from infra.ids import new_id

REFRESH_PURPOSE = "refresh"
NONCE_BYTES = 16
SECONDS_A_DAY = 86_400
_WRONG = "The e-mail address or the password is wrong."


@dataclass(frozen=True, slots=True)
class Grant:
    """What a person gets: the tokens of a session, and what was appended for it."""

    access_token: str
    refresh_token: str
    appended: Appended


async def sign_in(api: CommandApi, meta: Meta, email: str, password: str) -> Grant:
    """Starts a session.

    The work is the same whether the address is known or not.

    Raises:
        Unauthenticated: the address or the password is wrong.
        RateLimited: too many are signing in.
        Overloaded: the log is out of reach.
    """
    email_hmac = api.secrets.email_hmac(email)
    session_id = new_id()
    family: RefreshFamily | None = None
    login: Login | None = None

    async def decide() -> Decision:
        nonlocal family, login
        login = await api.store.login(email_hmac)
        right, upgraded = await api.passwords.check(password, login.password_hash if login else None)
        if login is None or not right:
            raise Unauthenticated(_WRONG)
        family = RefreshFamily(login.user_id, os.urandom(NONCE_BYTES).hex(), 1, time())
        return sessions.start(login.user_id, session_id, family, login.password_version, upgraded)

    appended = await api.write.decided(Intent(meta), decide, _ended)
    assert family is not None
    assert login is not None
    return _grant(api, session_id, family, login.roles, appended)


async def refresh(api: CommandApi, meta: Meta, text: str) -> Grant:
    """Uses a refresh token up and gives its child; reuse of an older one ends the session.

    Raises:
        Unauthenticated: it is not valid (any more).
        Overloaded: the log is out of reach.
    """
    token = sessions.parse_token(text)
    key = api.secrets.keyed_hash(REFRESH_PURPOSE, b"")
    lifetime_seconds = api.settings.refresh_token_days * SECONDS_A_DAY
    state: RefreshState | None = None
    family: RefreshFamily | None = None
    reused = False

    async def decide() -> Decision:
        nonlocal state, family, reused
        state = await api.store.refresh_state(token.session_id)
        if state is None:
            raise Unauthenticated("This session has ended; sign in again.")
        family = msgspec.json.decode(state.value, type=RefreshFamily)
        verdict = sessions.judge(key, token, family, time(), lifetime_seconds)
        reused = verdict == "reused"
        if reused:
            return sessions.end(family.user_id, token.session_id, "refresh_reused")
        if verdict == "repeat":
            return Decision((), need=(claims.session(family.user_id, token.session_id),))
        family = sessions.rotated(family, time())
        return sessions.refresh(token.session_id, family, state.version)

    appended = await api.write.decided(Intent(meta), decide, _ended)
    assert state is not None
    assert family is not None
    if reused:
        api.watch.ended(family.user_id)
        raise Unauthenticated("This refresh token was used before; the session was ended for safety.")
    return _grant(api, token.session_id, family, state.roles, appended)


async def sign_out(api: CommandApi, intent: Intent, user_id: UUID, session_id: UUID, *, everywhere: bool) -> Appended:
    """Ends the session, or all of the person's.

    Raises:
        Unauthenticated: it had ended already.
        Overloaded: the log is out of reach.
    """
    end = sessions.end_all(user_id, session_id) if everywhere else sessions.end(user_id, session_id, "logout")
    appended = await api.write.once(intent, end, _ended)
    api.watch.ended(user_id)
    return appended


async def end_session(api: CommandApi, intent: Intent, user_id: UUID, session_id: UUID) -> Appended:
    """Ends one of the person's sessions, wherever it is.

    Raises:
        NotFound: they have no such session, or it had ended already.
        Overloaded: the log is out of reach.
    """
    appended = await api.write.once(intent, sessions.end(user_id, session_id, "logout"), _not_there)
    api.watch.ended(user_id)
    return appended


def _grant(
    api: CommandApi, session_id: UUID, family: RefreshFamily, roles: tuple[str, ...], appended: Appended
) -> Grant:
    key = api.secrets.keyed_hash(REFRESH_PURPOSE, b"")
    access = api.tokens.issue(family.user_id, session_id, roles)
    return Grant(access, sessions.token_text(key, session_id, family), appended)


def _ended(refused: Refused) -> MimoError:
    return Unauthenticated("This session has ended; sign in again.") if refused.reason == "missing" else refused


def _not_there(refused: Refused) -> MimoError:
    return NotFound("You have no such session.") if refused.reason == "missing" else refused
