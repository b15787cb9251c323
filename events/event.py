"""What every event class is made of: the base class, its contract, and the mark for personal data.

It must not know any particular event, nor how events are stored or sealed.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar
from uuid import UUID

import msgspec

PERSONAL_MARK = "x-personal"

_PERSONAL = msgspec.Meta(
    description="Personal data: sealed with the data subject's key; null once that person was erased.",
    extra_json_schema={PERSONAL_MARK: True},
    extra={PERSONAL_MARK: True},
)

Personal = Annotated[str | None, _PERSONAL]
"""A text about a person. It is sealed in the log and on Kafka, and None after the person was erased."""


class Contract(msgspec.Struct, frozen=True):
    """Where an event lives, fixed for ever once shipped (docs/events.md has the table).

    Args:
        name: the stored name, past tense; never an import path.
        stream: the stream's category; the stream is `<stream>-<key>`.
        topic: the Kafka topic, which also numbers its offsets in the log.
        key: the field whose value is the partition key; never personal data.
        schema: the version of the data's shape, from 1.
        subject: the field with the data subject, whose key seals the personal fields; "" when there are none.
    """

    name: str
    stream: str
    topic: str
    key: str
    schema: int = 1
    subject: str = ""


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """The base of all events: frozen, typed, encoded as one JSON object."""

    contract: ClassVar[Contract]

    @property
    def key(self) -> str:
        """The partition key: the id of the user, course or channel that it happened to."""
        return str(getattr(self, self.contract.key))

    @property
    def stream(self) -> str:
        """The stream that the event is appended to."""
        return f"{self.contract.stream}-{self.key}"

    @property
    def subject(self) -> UUID | None:
        """The person whose key seals the personal fields; None when the class has no such fields."""
        return getattr(self, self.contract.subject) if self.contract.subject else None


def personal_fields(event_class: type[Event]) -> tuple[str, ...]:
    """The names of the fields marked `Personal`, in the order of their declaration."""

    def marked(field_type: Any) -> bool:
        return isinstance(field_type, msgspec.inspect.Metadata) and bool((field_type.extra or {}).get(PERSONAL_MARK))

    info = msgspec.inspect.type_info(event_class)
    assert isinstance(info, msgspec.inspect.StructType)
    return tuple(field.name for field in info.fields if marked(field.type))
