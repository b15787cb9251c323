"""The two ports: writing to the log (`EventStore`) and following it (`EventLog`).

Every port says what it promises and what is not its job. Must not know any implementation.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Literal, Protocol
from uuid import UUID

from events.bookmark import Place
from events.claims import Claim
from events.event import Event
from events.recorded import Meta, Recorded


@dataclass(frozen=True, slots=True)
class NewEvent:
    """An event to be appended, with the id made once for the request (a resend carries the same id)."""

    id: UUID
    event: Event


@dataclass(frozen=True, slots=True)
class PrivateWrite:
    """A change or check of a private value, atomic with the events.

    Args:
        kind: `set` stores `value`; `delete` removes it; `check` only compares the version.
        name: the value's name, such as `password/<user id>`.
        value: what to store (`set`).
        version: the version it must have now (0: must not exist); None: any. A stored value starts at 1.
    """

    kind: Literal["set", "delete", "check"]
    name: str
    value: bytes | None = None
    version: int | None = None


@dataclass(frozen=True, slots=True)
class Idempotency:
    """The caller's idempotency key: the same (actor, key, fingerprint) gets the first outcome.

    Args:
        actor: who the key belongs to.
        key: what the caller calls the request, at most 200 bytes.
        fingerprint: an HMAC of the request without its secret fields.
    """

    actor: str
    key: str
    fingerprint: bytes


@dataclass(frozen=True, slots=True)
class Append:
    """One command's outcome, to be stored entirely or not at all.

    What the events take, release and limit follows from the events (`events.claims`) and is not passed.

    Args:
        events: in order; none is fine (private values or only an idempotency key).
        meta: who and what caused them.
        expected: versions that streams must have now (0: must not exist).
        need: claims that must be held, checked in this order before what the events take.
        absent: claims that must not be held.
        private: changes of private values.
        idempotency: the caller's key, if any.
    """

    events: tuple[NewEvent, ...]
    meta: Meta
    expected: Mapping[str, int] = field(default_factory=dict)
    need: tuple[Claim, ...] = ()
    absent: tuple[Claim, ...] = ()
    private: tuple[PrivateWrite, ...] = ()
    idempotency: Idempotency | None = None


@dataclass(frozen=True, slots=True)
class AppendedEvent:
    """Where one event of a command is in the log."""

    id: UUID
    type: str
    stream: str
    version: int
    topic: str
    partition: int
    offset: int
    position: int


@dataclass(frozen=True, slots=True)
class Appended:
    """A command's outcome. `replayed`: it is the first outcome of the same idempotency key."""

    events: tuple[AppendedEvent, ...]
    replayed: bool = False

    @property
    def position(self) -> int | None:
        """The position of the last event; None when nothing was appended."""
        return self.events[-1].position if self.events else None

    @property
    def offsets(self) -> dict[Place, int]:
        """The last offset per topic and partition: what a bookmark holds."""
        return {(event.topic, event.partition): event.offset for event in self.events}


class EventStore(Protocol):
    """The log, for those who write to it.

    Promises: an append is atomic and durable when it returns; the outcome of concurrent appends equals some
    order of one at a time; it takes effect at most once, also over broken connections.
    Not its job: deciding anew after a conflict, retrying refusals, authorisation.
    """

    async def append(self, command: Append) -> Appended:
        """Stores one command.

        Raises:
            Refused: a rule did not hold; nothing was stored.
            InvalidRequest: PostgreSQL cannot store the data.
            Overloaded: the queue is full or the database is away; the outcome may be unknown.
        """

    async def outcome(self, idempotency: Idempotency) -> Appended | None:
        """The first outcome of an idempotency key; None when it was never used.

        Raises:
            Refused: `reused_key`, another request used it.
        """

    async def read_stream(self, stream: str, after_version: int = 0) -> list[Recorded]:
        """A stream's events in order; empty when there is no such stream."""

    async def find(self, event_id: UUID) -> Recorded | None:
        """One event by its id."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Events of the topics followed: in offset order within each partition, right after what came before.

    Args:
        events: the events.
        hints: for some of their partitions, where the source goes on after them in numbers of its own. Who keeps them
            beside the checkpoints and gives them back in `Reached` spares the source a search; nothing depends on them.
    """

    events: Sequence[Recorded]
    hints: Mapping[Place, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CaughtUp:
    """Everything that was in the log when it was asked has been delivered."""

    position: int


@dataclass(frozen=True, slots=True)
class Assigned:
    """From now on these partition numbers (of every topic subscribed) are delivered, after `Checkpoints`.

    Always delivered first, and again when members come and go; what was delivered before for partitions that
    are not in it must not be applied any more (a compare-and-set checkpoint refuses it anyway).
    """

    partitions: frozenset[int]


@dataclass(frozen=True, slots=True)
class Away:
    """The log cannot be reached now, and why. Whenever it can be again, it goes on with `Assigned`."""

    reason: str


Item = Batch | CaughtUp | Assigned | Away


@dataclass(frozen=True, slots=True)
class Reached:
    """How far a subscriber has come.

    Args:
        offsets: the last applied offset of each (topic, partition); missing means 0.
        hints: the latest hint of each, as batches brought them; they may be missing, out of date or wrong.
    """

    offsets: Mapping[Place, int]
    hints: Mapping[Place, int] = field(default_factory=dict)


class Checkpoints(Protocol):
    """Where a subscriber has got to. Asked before partitions are given back, and anew for each assignment."""

    async def load(self, partitions: frozenset[int]) -> Reached:
        """The checkpoints of some partitions, once nothing that was delivered before is still being applied."""


class EventLog(Protocol):
    """The log, for those who follow it.

    Promises, per partition: every event once, in offset order, after the checkpoint; never a gap. Members of
    one group share the partitions; a dead or frozen member's partitions go to the others within its time-out.
    Memory is bounded by the batch. `CaughtUp` is a delivered fact, not a guess. When it is away, it is looked for again
    for as long as it takes.
    Not its job: storing checkpoints, decoding, retrying what the subscriber failed to apply.
    """

    def follow(
        self,
        topics: Sequence[str],
        checkpoints: Checkpoints,
        *,
        group: str | None = None,
        batch_size: int = 1000,
    ) -> AbstractAsyncContextManager[AsyncIterator[Item]]:
        """Follows topics for ever.

        Args:
            topics: full topic names.
            checkpoints: where to start, asked at each assignment.
            group: members with the same group share the partitions; None: all partitions, alone.
            batch_size: the most events in one batch; it holds fewer when they are large, so that memory stays bounded.
        """

    async def ends(self, topics: Sequence[str]) -> Mapping[Place, int]:
        """The last offset of every (topic, partition) now: where a follower of the end starts."""
