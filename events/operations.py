"""What operators do to the system, for whoever wants to know later. Must not know how any of it is carried out."""

from __future__ import annotations

from typing import ClassVar, Literal
from uuid import UUID

from events.event import Contract, Event

TOPIC = "mimo.operations"

Via = Literal["desk", "command_line"]
"""`desk`: the operations worker carries it out. `command_line`: the `mimo` command does it at once."""
Outcome = Literal["done", "failed", "cancelled"]


class OperationRequested(Event, frozen=True, kw_only=True):
    """An operator asked for something to be done to the system; the event's actor is who."""

    contract: ClassVar = Contract("OperationRequested", "operation", TOPIC, key="operation_id")

    operation_id: UUID
    """This one operation."""
    action: str
    """What is to be done, such as `replay` or `verify`; more may come."""
    target: str
    """What it is done to: a projection, mostly."""
    options: dict[str, str]
    """How, such as `jobs`: `2`; only what was given."""
    via: Via
    """How it was asked for. `desk`: over HTTP, and a worker does it. `command_line`: the command does it at once."""


class OperationEnded(Event, frozen=True, kw_only=True):
    """An operation came to its end. One whose process was killed on the command line has none."""

    contract: ClassVar = Contract("OperationEnded", "operation", TOPIC, key="operation_id")

    operation_id: UUID
    """Which one."""
    action: str
    """As it was requested."""
    target: str
    """As it was requested."""
    via: Via
    """As it was requested."""
    outcome: Outcome
    """`done`: as it was asked. `failed`: not, or what was looked for is not so. `cancelled`: an operator stopped it."""
    said: str
    """What came of it, in a sentence."""
