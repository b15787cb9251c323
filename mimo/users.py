"""`mimo users grant`: an operator makes somebody an instructor or an admin, by an event like every other.

It must not know HTTP: the operator at the machine needs no account.
"""

import asyncpg

from events.errors import CannotStart, Refused
from events.ports import Append, NewEvent
from events.recorded import Meta
from events.users import Role, RoleGranted
from infra.event_store import open_event_store
from infra.ids import new_id
from infra.secrets import Secrets
from mimo.options import operator


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
    try:
        async with open_event_store(url, application="mimo-users", pool_size=1) as store:
            login = await store.login(secrets.email_hmac(email))
            if login is None:
                raise CannotStart(f"Nobody is registered with {email}.")
            meta = Meta(actor=f"operator:{operator()}", correlation_id=str(new_id()))
            event = RoleGranted(user_id=login.user_id, role=role)
            try:
                await store.append(Append(events=(NewEvent(new_id(), event),), meta=meta))
            except Refused as refused:
                if refused.reason != "taken":
                    raise
                return False
            return True
    except (asyncpg.UndefinedTableError, asyncpg.InvalidSchemaNameError):
        raise CannotStart("The database is not migrated yet: run `mimo migrate` or `mimo up`.") from None
