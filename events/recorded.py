"""An event as the log holds it. Must not know how it got there or what its data mean."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import msgspec

from events.event import Event


class Meta(msgspec.Struct, frozen=True, omit_defaults=True):
    """Who and what caused an event.

    Args:
        actor: `user:<id>`, `operator:<name>`, `worker` (on behalf of what caused it) or `anonymous`.
        correlation_id: the id of the request that it began with.
        causation_id: the id of the event or command that caused it directly, if any.
        traceparent: W3C trace context of the request, if any.
    """

    actor: str
    correlation_id: str = ""
    causation_id: str = ""
    traceparent: str = ""


class Recorded(msgspec.Struct, frozen=True, gc=False):
    """One row of the log. Positions, versions and offsets count from 1, without gaps.

    `data` and `meta` are JSON texts; `events.catalog` decodes the data.
    """

    position: int
    id: UUID
    stream: str
    version: int
    topic: str
    partition: int
    offset: int
    key: str
    type: str
    schema: int
    data: str
    meta: str
    at: datetime


class Delivered(msgspec.Struct, frozen=True, gc=False):
    """A recorded event together with its decoded, opened and upcast data."""

    recorded: Recorded
    event: Event
