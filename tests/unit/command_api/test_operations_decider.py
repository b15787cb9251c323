"""What operators ask for at the desk: taken once until it has ended, and stopped by one more event."""

from __future__ import annotations

from uuid import UUID

import pytest

from command_api.domain.operations import CANCELLED, cancel, ended, request, request_refused
from events.claims import effects, underway
from events.errors import NotFound, OperationUnderway, Refused
from events.operations import OperationEnded, OperationRequested, Via

OPERATION = UUID("01939c4a-0000-7000-8000-000000000001")


def asked(via: Via = "desk") -> OperationRequested:
    return OperationRequested(
        operation_id=OPERATION, action="replay", target="messages", options={"jobs": "2"}, via=via
    )


def test_a_request_is_one_event_of_its_own_stream_and_needs_nothing() -> None:
    decision = request(OPERATION, "replay", "messages", {"jobs": "2"})
    assert decision.events == (asked(),)
    assert asked().stream == f"operation-{OPERATION}"
    assert not decision.expected
    assert not decision.need


def test_the_same_cannot_be_asked_for_until_it_has_ended() -> None:
    claim = underway("replay", "messages")
    (taken,) = effects(asked())
    (released,) = effects(ended(asked(), "done", "Readers see messages_v1_g2 now."))
    assert (taken.kind, taken.scope, taken.key) == ("take", *claim)
    assert (released.kind, released.scope, released.key) == ("release", *claim)
    assert isinstance(request_refused(Refused("taken", *claim)), OperationUnderway)
    other = Refused("version", "operation-1")
    assert request_refused(other) is other


def test_what_the_command_line_does_is_not_in_anybodys_way() -> None:
    assert effects(asked("command_line")) == ()
    assert effects(ended(asked("command_line"), "done", "")) == ()


def test_stopping_it_is_its_end_unless_it_has_one() -> None:
    decision = cancel([asked()])
    (end,) = decision.events
    assert isinstance(end, OperationEnded)
    assert (end.operation_id, end.action, end.target, end.via) == (OPERATION, "replay", "messages", "desk")
    assert (end.outcome, end.said) == ("cancelled", CANCELLED)
    assert decision.expected == {f"operation-{OPERATION}": 1}


@pytest.mark.parametrize(
    ("stream", "sentence"),
    [
        ([], "no such operation"),
        ([asked(), ended(asked(), "done", "")], "ended already"),
        ([asked("command_line")], "ends with its command"),
    ],
)
def test_what_cannot_be_stopped_is_said(stream: list[OperationRequested], sentence: str) -> None:
    with pytest.raises(NotFound, match=sentence):
        cancel(stream)


def test_an_end_says_what_ended_with_it() -> None:
    end = ended(asked(), "failed", "It could not.")
    assert (end.stream, end.outcome, end.said) == (asked().stream, "failed", "It could not.")
