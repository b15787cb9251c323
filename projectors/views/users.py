"""Who is who: one row per person, also of the erased. It must not know passwords or sessions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from events.recorded import Delivered, Recorded
from events.users import RoleGranted, UserErased, UserProfileChanged, UserRegistered
from projectors.projection import Projection, Transaction

EVERYONE = "student"
COLUMNS = ("user_id", "display_name", "email", "roles", "joined_at", "version")
DISPLAY_NAME, EMAIL, ROLES, VERSION = 1, 2, 3, 5

# Who has no address was erased before: whatever follows, the name stays null.
_CHANGE = """
    update person p set
      display_name = case
        when c.erased or p.email is null then null when c.renamed then c.display_name else p.display_name end,
      email = case when not c.erased then p.email end,
      roles = p.roles || string_to_array(c.granted, ','),
      version = c.version
    from unnest($1::uuid[], $2::boolean[], $3::text[], $4::boolean[], $5::text[], $6::bigint[])
      c (user_id, renamed, display_name, erased, granted, version)
    where p.user_id = c.user_id"""


@dataclass(slots=True)
class _Change:
    """What a batch changes about somebody who registered before it."""

    version: int = 0
    renamed: bool = False
    display_name: str | None = None
    erased: bool = False
    granted: list[str] = field(default_factory=list)


class Users(Projection):
    """Names, addresses and roles. People go by the event's key, their id as text: quicker to look up than a UUID."""

    name = "users"
    version = 1
    handles = (UserRegistered, UserProfileChanged, RoleGranted, UserErased)

    async def apply(self, transaction: Transaction, batch: Sequence[Delivered]) -> None:
        """Copies in who registered and changes the others with one statement."""
        registered: dict[str, list[Any]] = {}
        changes: dict[str, _Change] = {}
        for delivered in batch:
            recorded, event = delivered.recorded, delivered.event
            if type(event) is UserRegistered:
                registered[recorded.key] = [
                    recorded.key, event.display_name, event.email, [EVERYONE], recorded.at, recorded.version
                ]  # fmt: skip
            elif type(event) is UserProfileChanged:
                _rename(recorded, event.display_name, registered, changes)
            elif type(event) is RoleGranted:
                _grant(recorded, event.role, registered, changes)
            elif type(event) is UserErased:
                _erase(recorded, registered, changes)
        if registered:
            await transaction.copy_records_to_table("person", records=registered.values(), columns=COLUMNS)
        if changes:
            await transaction.execute(
                _CHANGE,
                list(changes),
                [change.renamed for change in changes.values()],
                [change.display_name for change in changes.values()],
                [change.erased for change in changes.values()],
                [",".join(change.granted) for change in changes.values()],
                [change.version for change in changes.values()],
            )


def _rename(
    recorded: Recorded, display_name: str | None, registered: dict[str, list[Any]], changes: dict[str, _Change]
) -> None:
    if (row := registered.get(recorded.key)) is not None:
        row[DISPLAY_NAME] = display_name if row[EMAIL] is not None else None
        row[VERSION] = recorded.version
        return
    change = changes.setdefault(recorded.key, _Change())
    change.renamed, change.display_name, change.version = True, display_name, recorded.version


def _grant(recorded: Recorded, role: str, registered: dict[str, list[Any]], changes: dict[str, _Change]) -> None:
    if (row := registered.get(recorded.key)) is not None:
        row[ROLES].append(role)
        row[VERSION] = recorded.version
        return
    change = changes.setdefault(recorded.key, _Change())
    change.granted.append(role)
    change.version = recorded.version


def _erase(recorded: Recorded, registered: dict[str, list[Any]], changes: dict[str, _Change]) -> None:
    if (row := registered.get(recorded.key)) is not None:
        row[DISPLAY_NAME], row[EMAIL], row[VERSION] = None, None, recorded.version
        return
    change = changes.setdefault(recorded.key, _Change())
    change.erased, change.version = True, recorded.version
