"""What operators do with people's accounts, by events like everybody's: granting roles, erasing.

It must not know HTTP: the operator at the machine needs no account.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import msgspec

from command_api import erasing
from command_api.write import Intent, WritePath
from events import claims
from events.errors import CannotStart, Refused, Unauthenticated
from events.ports import Append, NewEvent
from events.recorded import Meta
from events.users import Role, RoleGranted, UserErased
from infra.event_store import Login, PostgresEventStore
from infra.ids import new_id
from infra.secrets import Secrets
from mimo.database import event_store
from mimo.options import operator

APPLICATION = "mimo-users"


@dataclass(frozen=True)
class Receipt:
    """What an erasure has to show for itself: the event in the log.

    Attributes:
        event_id: of the UserErased.
        position: its place in the log.
        at: when.
        user_id: who was erased.
        actor: who did it.
        destroyed: what was destroyed with it.
    """

    event_id: UUID
    position: int
    at: datetime
    user_id: UUID
    actor: str
    destroyed: tuple[str, ...]


async def grant(url: str, secrets: Secrets, email: str, role: Role) -> bool:
    """Grant a role to the person with this address.

    Args:
        url: the database.
        secrets: with the key of the address's hash.
        email: as the person registered it, in any spelling.
        role: what they become.

    Returns:
        Whether it is new; False if they had it before.

    Raises:
        CannotStart: nobody has this address, or the database cannot be used.
    """
    async with event_store(url, APPLICATION) as store:
        person = await _person(store, secrets, email)
        event = NewEvent(new_id(), RoleGranted(user_id=person.user_id, role=role))
        try:
            await store.append(Append((event,), _meta(), absent=(claims.erased(person.user_id),)))
        except Refused as refused:
            if refused.reason != "taken":
                raise
            if refused.scope == claims.erased(person.user_id).scope:
                raise _nobody(email) from None
            return False
        return True


async def erase(url: str, secrets: Secrets, email: str) -> Receipt:
    """Erase the person with this address, for good.

    Args:
        url: the database.
        secrets: with the key of the address's hash.
        email: as the person registered it, in any spelling.

    Raises:
        CannotStart: nobody has this address (any more), or the database cannot be used.
    """
    async with event_store(url, APPLICATION) as store:
        person = await _person(store, secrets, email)
        try:
            appended = await erasing.erase(store, WritePath(store), Intent(_meta()), person.user_id)
        except Unauthenticated:
            raise _nobody(email) from None
        event = await store.find(appended.events[0].id)
        assert event is not None, "what was appended is there"
        erased = msgspec.json.decode(event.data, type=UserErased)
        actor = msgspec.json.decode(event.meta, type=Meta).actor
        return Receipt(event.id, event.position, event.at, erased.user_id, actor, erased.destroyed)


async def _person(store: PostgresEventStore, secrets: Secrets, email: str) -> Login:
    login = await store.login(secrets.email_hmac(email))
    if login is None:
        raise _nobody(email)
    return login


def _nobody(email: str) -> CannotStart:
    return CannotStart(f"Nobody is registered with {email}.")


def _meta() -> Meta:
    return Meta(actor=f"operator:{operator()}", correlation_id=str(new_id()))
