"""The largest event that the APIs take fits into a record many times over: Kafka would refuse it for ever otherwise."""

from __future__ import annotations

from typing import Annotated, Any, get_args, get_origin

import pytest
from annotated_types import MaxLen
from pydantic.fields import FieldInfo

from command_api import texts
from events.cloudevents import to_headers
from events.courses import CourseChanged, CourseCreated
from events.event import Event
from events.messages import MessageEdited, MessageSent
from infra.ids import new_id
from infra.kafka.topics import MAX_RECORD_BYTES
from infra.relay.publisher import BATCH_BYTES
from infra.web.shell import MAX_BODY_BYTES
from tests.written_log import WrittenLog

WORST = "\x01"
"""A character that takes six bytes in JSON; none takes more."""


def longest(kind: Any) -> str:
    """The longest text of a kind, in the characters that take the most room."""
    assert get_origin(kind) is Annotated
    (field,) = (part for part in get_args(kind) if isinstance(part, FieldInfo))
    (limit,) = (part.max_length for part in field.metadata if isinstance(part, MaxLen))
    return WORST * limit


def examples() -> list[Event]:
    course: dict[str, Any] = {
        "course_id": new_id(),
        "title": longest(texts.Title),
        "description": longest(texts.Description),
        "tags": (longest(texts.Tag),) * 10,
        "capacity": 1_000_000,
    }
    text = longest(texts.MessageText)
    return [
        CourseCreated(owner_id=new_id(), **course),
        CourseChanged(**course),
        MessageSent(
            channel_id=new_id(), author_id=new_id(), text=text, client_message_id=longest(texts.ClientMessageId)
        ),
        MessageEdited(channel_id=new_id(), message_id=new_id(), author_id=new_id(), text=text),
    ]


@pytest.mark.parametrize("event", examples(), ids=lambda event: event.contract.name)
def test_the_largest_event_makes_a_record_of_a_tenth_of_what_a_topic_takes(event: Event) -> None:
    log = WrittenLog()
    if event.subject is not None:
        log.keys[event.subject] = bytes(32)
        log.ring.add(event.subject, bytes(32))
    recorded = log.add(event)
    headers = sum(len(name) + len(value) for name, value in to_headers(recorded, bytes(36)))
    assert len(recorded.data.encode()) + len(recorded.key) + headers < MAX_RECORD_BYTES / 10


def test_no_body_that_the_apis_take_makes_more_than_a_topic_takes() -> None:
    assert MAX_BODY_BYTES * 4 / 3 < BATCH_BYTES < MAX_RECORD_BYTES / 1.5
