"""Batches of commands as the arguments of `log.append`, and its answer as their outcomes.

It must not know connections, queues or retries: `infra/appender.py` has those.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import msgspec

from events.claims import Effect, effects
from events.errors import Refused
from events.partition import partition_of
from events.ports import Append, AppendedEvent
from events.recorded import Meta

CALL = """
    select * from log.append(
        $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15,
        $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26, $27, $28, $29)"""

_OPS = {"take": "t", "release": "r", "release_others": "o", "limit": "l"}
_PRIVATE_OPS = {"set": "s", "delete": "d", "check": "c"}
_encode_meta = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Prepared:
    """A command whose events are encoded and sealed, one text each."""

    command: Append
    data: tuple[str, ...]

    @property
    def size_bytes(self) -> int:
        """About how much there is to send."""
        return sum(map(len, self.data))


@dataclass(frozen=True, slots=True)
class Replayed:
    """The command took effect before; these are the ids of its events."""

    event_ids: tuple[UUID, ...]


Outcome = tuple[AppendedEvent, ...] | Refused | Replayed


class _Columns:
    """The arguments of `log.append`, side by side."""

    def __init__(self, partitions: int) -> None:
        self.partitions = partitions
        self.events: tuple[list[Any], ...] = tuple([] for _ in range(10))
        self.expected: tuple[list[Any], ...] = tuple([] for _ in range(3))
        self.claims: tuple[list[Any], ...] = tuple([] for _ in range(5))
        self.private: tuple[list[Any], ...] = tuple([] for _ in range(5))
        self.keys: tuple[list[Any], ...] = tuple([] for _ in range(4))

    def add(self, number: int, prepared: Prepared) -> None:
        command = prepared.command
        meta = meta_text(command.meta)
        for claim in command.need:
            _row(self.claims, number, "n", claim.scope, claim.key, None)
        for claim in command.absent:
            _row(self.claims, number, "a", claim.scope, claim.key, None)
        for new, data in zip(command.events, prepared.data, strict=True):
            event, contract = new.event, new.event.contract
            key = event.key
            partition = partition_of(key, self.partitions)
            _row(self.events, number, new.id, event.stream, contract.topic, partition, key, contract.name,
                 contract.schema, data, meta)  # fmt: skip
            for effect in effects(event):
                self._effect(number, effect, new.id)
        for stream, version in command.expected.items():
            _row(self.expected, number, stream, version)
        for write in command.private:
            _row(self.private, number, _PRIVATE_OPS[write.kind], write.name, write.value, write.version)
        if command.idempotency is not None:
            key_of = command.idempotency
            _row(self.keys, number, key_of.actor, key_of.key, key_of.fingerprint)

    def _effect(self, number: int, effect: Effect, event_id: UUID) -> None:
        _row(self.claims, number, _OPS[effect.kind], effect.scope, effect.key, event_id)

    def arguments(self) -> list[list[Any]]:
        return [*self.events, *self.expected, *self.claims, *self.private, *self.keys]


def _row(columns: Sequence[list[Any]], *values: Any) -> None:
    for column, value in zip(columns, values, strict=True):
        column.append(value)


def meta_text(meta: Meta) -> str:
    """The meta data as stored with every event of a command."""
    return _encode_meta(meta).decode()


def arguments(batch: Sequence[Prepared], partitions: int, *, resend: bool) -> list[Any]:
    """What `CALL` takes.

    Args:
        batch: the commands in arrival order, at least one.
        partitions: how many partitions each topic of this installation has.
        resend: the outcome of an earlier call with these commands is unknown.
    """
    columns = _Columns(partitions)
    for number, prepared in enumerate(batch, start=1):
        columns.add(number, prepared)
    return [len(batch), *columns.arguments(), resend]


def outcomes(batch: Sequence[Prepared], partitions: int, answer: Mapping[str, Any]) -> list[Outcome]:
    """What became of each command, in the order of the batch."""
    failed = {refusal["command"]: refusal for refusal in answer["refusals"]}
    numbers = iter(zip(answer["positions"] or (), answer["versions"] or (), answer["offsets"] or (), strict=True))
    return [
        _failure(failed[number]) if number in failed else tuple(_placed(prepared.command, partitions, numbers))
        for number, prepared in enumerate(batch, start=1)
    ]


def _failure(refusal: Mapping[str, Any]) -> Refused | Replayed:
    ids = refusal["ids"] or ()
    if refusal["reason"] == "replayed":
        return Replayed(tuple(ids))
    return Refused(refusal["reason"], refusal["scope"], refusal["key"], ids[0] if ids else None)


def _placed(command: Append, partitions: int, numbers: Any) -> list[AppendedEvent]:
    placed = []
    for new in command.events:
        position, version, offset = next(numbers)
        event, contract = new.event, new.event.contract
        partition = partition_of(event.key, partitions)
        placed.append(
            AppendedEvent(new.id, contract.name, event.stream, version, contract.topic, partition, offset, position)
        )
    return placed
