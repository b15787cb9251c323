"""The shapes of answers for operators as the OpenAPI document tells them. A test compares them with what is answered.

It must not know how anything is found.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, Field

from query_api.shapes import NEXT

WHOLE = Field(None, description="Always null: the list is whole.")


class Progress(BaseModel):
    """How far an operation is."""

    doing: str = Field(description="What it does at the moment.")
    done: int = Field(description="Events, of `total`.")
    total: int
    begun_at: datetime
    told_at: datetime = Field(description="When it was so; told about once a second.")


class Operation(BaseModel):
    """Something that an operator had done to the system."""

    operation_id: UUID
    action: str = Field(description="What was asked for, such as `replay`; more may come.")
    target: str = Field(description="To what, a projection mostly.")
    options: dict[str, str] = Field(description="How; only what was given.")
    via: Literal["desk", "command_line"] = Field(
        description="`desk`: the operations worker does it. `command_line`: a command of `mimo` does it."
    )
    asked_by: str = Field(description="`user:<id>`, or `operator:<name>` on the command line.")
    asked_at: datetime
    position: int = Field(description="Of the event that says so, see `GET /v1/events/{position}`.")
    ended_at: datetime | None = Field(
        description="Null while it goes on, and for ever where a command was killed before it could say how it ended."
    )
    outcome: Literal["done", "failed", "cancelled"] | None
    said: str | None = Field(description="What came of it, in a sentence.")
    progress: Progress | None = Field(description="Null before it has begun and when it has ended.")


class OperationList(BaseModel):
    """A page of operations, the latest first."""

    items: list[Operation]
    next_cursor: str | None = NEXT


class Generation(BaseModel):
    """One build of a projection."""

    projection: str
    version: int = Field(description="Of the shape of its view, in code.")
    generation: int = Field(description="Counts the builds of the projection.")
    status: Literal["building", "standby", "live", "aside", "scratch"] = Field(
        description="`live`: readers see it. `building`: a replay fills it. `standby`: kept up, not shown. "
        "`aside`: built to be compared. `scratch`: a part of the log, to be looked at."
    )
    created_at: datetime
    live_at: datetime | None = Field(description="Since when, or when last, readers saw it; null: never.")
    events_behind: int = Field(description="Events of its topics that it has not applied yet.")
    stopped: str | None = Field(description="Why it stands still, where it does.")
    parked: int = Field(description="Events set aside because they could not be applied.")
    bytes: int = Field(description="What its tables and indexes take.")


class GenerationList(BaseModel):
    """All generations that are there, by projection and number."""

    items: list[Generation]
    next_cursor: None = WHOLE


class ParkedKey(BaseModel):
    """A key of which events are set aside in one generation, in order, behind the first, which could not be applied."""

    projection: str
    version: int
    generation: int
    topic: str
    partition: int
    key: str
    events: int = Field(description="How many.")
    first_offset: int = Field(description="Of the one that could not be applied, in the topic and partition.")
    position: int | None = Field(
        description="Its position, see `GET /v1/events/{position}`; null in a log that was exchanged meanwhile."
    )
    type: str = Field(description="Its type.")
    error: str = Field(description="Why it could not be applied; never holds its data.")
    parked_at: datetime = Field(description="Since when.")


class ParkedList(BaseModel):
    """A page of keys of which events are parked, by projection, generation, topic and key."""

    items: list[ParkedKey]
    next_cursor: str | None = NEXT


class NotReady(BaseModel):
    """One thing that a process is not ready with."""

    name: str
    reason: str


class Process(BaseModel):
    """A process of the system."""

    id: UUID
    part: str = Field(description="What it is, such as `query API`.")
    host: str
    pid: int
    version: str = Field(description="Of the code.")
    started_at: datetime
    told_at: datetime = Field(description="When it was last heard of.")
    state: Literal["ready", "unready", "silent"] = Field(
        description="`unready`: see `not_ready`. `silent`: not heard of for 15 seconds; killed, frozen or cut off."
    )
    not_ready: list[NotReady]


class ProcessList(BaseModel):
    """All processes that were heard of within the last hour and did not end in order, by part."""

    items: list[Process]
    next_cursor: None = WHOLE


class Event(BaseModel):
    """An event as the log holds it; addresses, names and message texts are sealed in it."""

    position: int
    id: UUID
    time: datetime = Field(description="When it was stored.")
    type: str
    schema_: int = Field(alias="schema", description="The version of the shape of `data`.")
    stream: str
    version: int = Field(description="Its number in the stream.")
    topic: str
    partition: int
    offset: int = Field(description="Its number in the partition; not Kafka's own.")
    key: str
    actor: str = Field(description="`user:<id>`, `operator:<name>`, `worker` or `anonymous`.")
    correlation_id: str | None
    causation_id: str | None
    traceparent: str | None
    data: dict[str, Any]


class EventList(BaseModel):
    """Some events."""

    items: list[Event]
    position: int = Field(
        description="Every event from these up to this position was looked at: send it as `after` to be told the next."
    )
    before: int | None = Field(
        description="Send it as `before` to look further back, also when nothing was found: a request looks at some "
        "300,000 events at most. Null: there is nothing further back, or `after` was asked for."
    )
