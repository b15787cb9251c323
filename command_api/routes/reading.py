"""Marking how far one has read. Must not know the rules: `domain/reading.py` has them."""

from __future__ import annotations

from uuid import UUID

from fastapi import FastAPI

from command_api.answers import Accepted, accepted
from command_api.call import Called
from command_api.domain import reading
from command_api.domain.decision import Decision
from command_api.limits import MARKING
from command_api.routes import add_command
from command_api.texts import Body, Number
from infra.web.answer import Ready
from infra.web.auth import Authenticated


class ReadMark(Body):
    """How far one has read."""

    number: Number


class ReadAccepted(Accepted):
    """Where, and how far."""

    channel_id: UUID
    number: int


async def mark_read(channel_id: UUID, body: ReadMark, caller: Authenticated, call: Called) -> Ready:
    """Says that one has seen a channel's messages up to a number. Of several marks the highest one holds."""
    call.api.limits.spend(MARKING, caller.user_id)

    async def decide() -> Decision:
        channel = await call.api.channels.channel(channel_id, caller.user_id)
        last_seq = await call.api.store.last_version(f"channel-{channel_id}")
        return reading.mark_read(channel, caller.user_id, body.number, last_seq)

    intent = call.intent(caller.actor, f"mark_read {channel_id}", body)
    appended = await call.api.write.decided(intent, decide, reading.refused)
    return accepted(200, appended, call.api.store.log_id, {"channel_id": channel_id, "number": body.number})


def add_routes(app: FastAPI) -> None:
    """Adds the routes."""
    refusals = ("not_a_member", "not_found", "conflict")
    add_command(app, "PUT", "/v1/channels/{channel_id}/read", mark_read, answers=ReadAccepted, refusals=refusals)
