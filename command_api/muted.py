"""Ends a mute whose time is up, when the person speaks next: whoever is not muted pays nothing for it.

It must not know what they say.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import cast

from command_api.domain import moderation
from events.catalog import parse
from events.errors import Muted, Refused
from events.event import Event
from events.moderation import MemberMuted
from events.ports import Append, EventStore, NewEvent
from events.recorded import Meta, Recorded
from infra.ids import new_id


async def end_mute(store: EventStore, refused: Refused, meta: Meta) -> None:
    """Ends the mute that refused a command, if its time is up. Then, or if somebody was quicker, try again.

    Args:
        store: the log.
        refused: what it said, with the event that took the claim.
        meta: of the command that was refused.

    Raises:
        Muted: its time is not up.
    """
    assert refused.event_id is not None, "a taken claim names the event that took it"
    recorded = await store.find(refused.event_id)
    assert recorded is not None, "an event that took a claim is in the log"
    mute = cast("MemberMuted", _read(recorded))
    left = (mute.until - datetime.now(UTC)).total_seconds()
    if left > 0:
        raise Muted(mute.until, left)
    later = await store.read_stream(recorded.stream, recorded.version)
    version = later[-1].version if later else recorded.version
    decision = moderation.end(mute, [_read(event) for event in later], version)
    if decision is None:
        return
    events = tuple([NewEvent(new_id(), event) for event in decision.events])
    try:
        await store.append(Append(events, meta, decision.expected))
    except Refused as refusal:
        if refusal.reason != "version":
            raise


def _read(recorded: Recorded) -> Event:
    """An event of the stream of mutes, in which nothing is sealed."""
    return cast("Event", parse(recorded.type, recorded.schema, recorded.data, recorded.id))
