"""What a projection is: a name, a version, the events that it handles, its tables, and how it applies a batch.

It must not know how batches come about, nor any particular projection.
"""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import ClassVar, TypeAlias
from uuid import UUID

import asyncpg

from events.event import Event
from events.recorded import Delivered
from events.users import UserErased

Transaction: TypeAlias = asyncpg.Connection
"""A connection inside a transaction, with the generation's schema alone on its search path."""

_ERASE = "select erase($1::uuid[])"


async def erase(transaction: Transaction, people: Sequence[UUID]) -> None:
    """Erases people in the generation on the search path, which shows people, of whatever projection and version."""
    await transaction.execute(_ERASE, people)


class Policy(StrEnum):
    """What to do about an event that cannot be applied.

    Stop before it, or park it and all later events of its key and go on.
    """

    STOP = "stop"
    PARK = "park"


class Projection(ABC):
    """Folds events into tables.

    Beside its module `<noun>.py` lie `<noun>.sql` with its tables, unqualified, and `<noun>_read.sql` with the views of
    readers over them, `<noun>_v<version>`, which come to stand in the first schema on the search path.

    Tables that show people bring a function `erase(people uuid[])`: from the commit on nobody is shown what was sealed
    with their keys. It stands beside the tables, not in code, so whoever finds a generation can erase in it, whatever
    its version. It may come before or after their `UserErased`, several times, and before other events of theirs: what
    is shown must be the same in the end. It must be quick, for it holds up the batch that it comes with.

    Where it may be too much for one transaction, it only hides. What is hidden is then wiped from the tables, a bounded
    number of rows in each transaction, while others write. A view `shown_x` shows the table `x` without it, and equals
    the fold of the log at every moment; tables `unwiped_…`, which tell what is left to do, are not part of the fold.
    Two more functions do it:

    - `unwiped(most integer) returns setof uuid`: people of whom something may still be hidden in the tables;
    - `wipe(people uuid[], most integer) returns bigint`: wipes so many rows at most, says how many, and passes over
      what others are at. People of whom nothing is left are unwiped no more.

    Attributes:
        name: for ever; checkpoints are kept under it.
        version: of the columns that readers see; a change of them is a new version.
        handles: the event classes that it applies; others of the same topics only move the checkpoint.
        policy: what to do about an event that cannot be applied.
        rest: after each batch that it follows it rests for so many times the time that the batch took, so that under
            load it leaves the machine to views that people wait for. Not while it is built anew.
    """

    name: ClassVar[str]
    version: ClassVar[int]
    handles: ClassVar[tuple[type[Event], ...]]
    policy: ClassVar[Policy] = Policy.STOP
    rest: ClassVar[float] = 0.0

    @property
    def topics(self) -> tuple[str, ...]:
        """The topics that it consumes."""
        return tuple(dict.fromkeys(event.contract.topic for event in self.handles))

    @property
    def tables_ddl(self) -> str:
        """What makes its tables."""
        return self._beside(".sql")

    @property
    def views_ddl(self) -> str:
        """What makes or switches the views that readers see, in the first schema on the search path."""
        return self._beside("_read.sql")

    @abstractmethod
    async def apply(self, transaction: Transaction, batch: Sequence[Delivered]) -> None:
        """Folds events into the tables.

        Rows hold only what follows from the events; the same events cut into other batches give the same rows.

        Args:
            transaction: where to write; the caller commits.
            batch: handled events in order per partition, right after what was applied before.
        """

    @property
    def shows_people(self) -> bool:
        """Whether its tables hold what was sealed with somebody's key: then they can be erased from."""
        return UserErased in self.handles

    async def erase(self, transaction: Transaction, people: Sequence[UUID]) -> None:
        """From the commit on nobody is shown what was sealed with the keys of people who were erased.

        Args:
            transaction: where to write; the caller commits.
            people: whose keys are gone.
        """
        await erase(transaction, people)

    def _beside(self, suffix: str) -> str:
        module = Path(sys.modules[type(self).__module__].__file__ or "")
        return module.with_name(module.stem + suffix).read_text(encoding="utf-8")
