"""What operators ask for at the desk, and stopping it. It must not know how anything is carried out.

The claim of what is underway keeps a thing from being asked for twice; it is held until the operation has ended.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID

from command_api.domain.decision import Decision
from events.errors import MimoError, NotFound, OperationUnderway, Refused
from events.event import Event
from events.operations import OperationEnded, OperationRequested, Outcome

CANCELLED = "Stopped at the desk."


def request(operation_id: UUID, action: str, target: str, options: Mapping[str, str]) -> Decision:
    """An operator asks for something to be done.

    Args:
        operation_id: a fresh id.
        action: what, such as `replay`.
        target: to what: a projection.
        options: how.
    """
    asked = OperationRequested(
        operation_id=operation_id, action=action, target=target, options=dict(options), via="desk"
    )
    return Decision((asked,))


def request_refused(refused: Refused) -> MimoError:
    """Why it was not taken."""
    return OperationUnderway() if refused.reason == "taken" else refused


def cancel(stream: Sequence[Event]) -> Decision:
    """An operator stops what somebody asked for; whoever carries it out finds it ended.

    Args:
        stream: the operation's events.

    Raises:
        NotFound: there is nothing to stop.
    """
    if not stream or not isinstance(stream[0], OperationRequested):
        raise NotFound("There is no such operation.")
    asked = stream[0]
    if len(stream) > 1:
        raise NotFound("This operation has ended already.")
    if asked.via != "desk":
        raise NotFound("This was not asked for at the desk: it ends with its command.")
    return Decision((ended(asked, "cancelled", CANCELLED),), expected={asked.stream: 1})


def ended(asked: OperationRequested, outcome: Outcome, said: str) -> OperationEnded:
    """The event that ends an operation."""
    return OperationEnded(
        operation_id=asked.operation_id,
        action=asked.action,
        target=asked.target,
        via=asked.via,
        outcome=outcome,
        said=said,
    )
