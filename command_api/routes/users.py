"""Registering, profiles, passwords and being erased. Must not know the rules: `domain/users.py` has them."""

from __future__ import annotations

from typing import ClassVar
from uuid import UUID

from fastapi import FastAPI
from pydantic import Field

from command_api import erasing, limits
from command_api.answers import Accepted, accepted, id_in
from command_api.call import Called
from command_api.domain import users
from command_api.domain.decision import Decision
from command_api.routes import add_command
from command_api.texts import Body, DisplayName, Email, NewPassword, TypedPassword
from events.errors import InvalidRequest, Unauthenticated
from infra.ids import new_id
from infra.passwords import ensure_acceptable
from infra.sealing import new_key
from infra.web.answer import Ready
from infra.web.auth import Authenticated
from infra.web.limits import address_of


class Registration(Body):
    """A new account."""

    email: Email
    password: NewPassword
    display_name: DisplayName
    SECRET: ClassVar[frozenset[str]] = frozenset(("password",))


class ProfileChange(Body):
    """How to be shown from now on."""

    display_name: DisplayName


class PasswordChange(Body):
    """The proof and the new password."""

    current_password: TypedPassword
    new_password: NewPassword
    SECRET: ClassVar[frozenset[str]] = frozenset(("current_password", "new_password"))


class UserAccepted(Accepted):
    """Who."""

    user_id: UUID


class UserGone(UserAccepted):
    """Who was erased."""

    receipt_id: UUID = Field(description="The event that says so: UserErased.")


async def register(body: Registration, call: Called) -> Ready:
    """Creates an account. One account per e-mail address."""
    api = call.api
    await api.limits.hit((limits.REGISTER_PER_ADDRESS, address_of(call.scope)))
    ensure_acceptable(body.password, (body.email, body.display_name))
    email_hmac = api.secrets.email_hmac(body.email)
    intent = call.intent("anonymous", "register", body, owner=f"anonymous:{email_hmac}")
    user_id, data_key = new_id(), new_key()
    password_hash = await api.passwords.hash(body.password)
    api.store.ring.add(user_id, data_key)
    decision = users.register(
        user_id, body.email, email_hmac, body.display_name, password_hash=password_hash, data_key=data_key
    )
    appended = await api.write.once(intent, decision, users.register_refused)
    return accepted(201, appended, api.store.log_id, {"user_id": id_in(appended.events[0].stream)})


async def change_profile(body: ProfileChange, caller: Authenticated, call: Called) -> Ready:
    """Changes how the caller is shown."""
    intent = call.intent(caller.actor, "change_profile", body)
    decision = users.change_profile(caller.user_id, body.display_name)
    appended = await call.api.write.once(intent, decision, users.change_profile_refused)
    return accepted(200, appended, call.api.store.log_id, {"user_id": caller.user_id})


async def change_password(body: PasswordChange, caller: Authenticated, call: Called) -> Ready:
    """Changes the password. Needs the current one; every other session of the caller ends."""
    api, user_id = call.api, caller.user_id
    await api.limits.hit((limits.PASSWORD_PER_ACCOUNT, str(user_id)))
    ensure_acceptable(body.new_password, pointer="/new_password")
    new_hash = await api.passwords.hash(body.new_password)

    async def decide() -> Decision:
        stored = await api.store.password(user_id)
        if stored is None:
            raise Unauthenticated("This account does not exist any more.")
        right, _ = await api.passwords.check(body.current_password, stored[0])
        if not right:
            raise InvalidRequest("The current password is wrong.", "/current_password")
        return users.change_password(user_id, caller.session_id, new_hash, stored[1])

    intent = call.intent(caller.actor, "change_password", body)
    appended = await api.write.decided(intent, decide, users.change_password_refused)
    api.watch.ended(user_id)
    return accepted(200, appended, api.store.log_id, {"user_id": user_id})


async def erase(caller: Authenticated, call: Called) -> Ready:
    """Erases the caller, at once and for good: nobody can read their name, address and messages any more.

    The key that these are sealed with is destroyed, every session ends, and the address is free to be registered anew.
    Seats stay taken and courses stay as they are, by somebody without a name. The event is the receipt.
    """
    api, user_id = call.api, caller.user_id
    appended = await erasing.erase(api.store, api.write, call.intent(caller.actor, "erase"), user_id, caller.session_id)
    api.watch.ended(user_id)
    return accepted(200, appended, api.store.log_id, {"user_id": user_id, "receipt_id": appended.events[0].id})


def add_routes(app: FastAPI) -> None:
    """Adds the routes."""
    add_command(
        app, "POST", "/v1/users", register, answers=UserAccepted, status=201, refusals=("email_taken", "rate_limited")
    )
    add_command(app, "PATCH", "/v1/me", change_profile, answers=UserAccepted)
    add_command(app, "DELETE", "/v1/me", erase, answers=UserGone)
    add_command(app, "POST", "/v1/me/password", change_password, answers=UserAccepted, refusals=("rate_limited",))
