"""Reacting to messages, and taking that back. Must not know the rules: `domain/reactions.py` has them."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from fastapi import FastAPI

from command_api.answers import accepted, placed
from command_api.call import Call, Called
from command_api.domain import reactions
from command_api.limits import REACTING
from command_api.routes import add_command
from command_api.routes.messages import MessageAccepted
from command_api.texts import Emoji
from events.errors import Refused
from events.ports import Appended
from infra.web.answer import Ready
from infra.web.auth import Authenticated

PATH = "/v1/channels/{channel_id}/messages/{message_id}/reactions/{emoji}"


async def react(channel_id: UUID, message_id: UUID, emoji: Emoji, caller: Authenticated, call: Called) -> Ready:
    """Reacts to a message with an emoji. A reaction that is there already is answered as it was the first time."""
    api = call.api
    api.limits.spend(REACTING, caller.user_id)
    channel = await api.channels.channel(channel_id, caller.user_id)
    decision = reactions.react(channel, await api.channels.message(message_id), caller.user_id, emoji)
    intent = call.intent(caller.actor, f"react {channel_id} {message_id} {emoji}")
    try:
        appended = await api.write.once(intent, decision, reactions.react_refused)
    except Refused as refused:
        appended = await _before(call, refused)
    return _answer(call, message_id, appended)


async def take_back(channel_id: UUID, message_id: UUID, emoji: Emoji, caller: Authenticated, call: Called) -> Ready:
    """Takes a reaction of one's own back."""
    api = call.api
    api.limits.spend(REACTING, caller.user_id)
    channel = await api.channels.channel(channel_id, caller.user_id)
    decision = reactions.take_back(channel, await api.channels.message(message_id), caller.user_id, emoji)
    intent = call.intent(caller.actor, f"take_back {channel_id} {message_id} {emoji}")
    return _answer(call, message_id, await api.write.once(intent, decision, reactions.take_back_refused))


def add_routes(app: FastAPI) -> None:
    """Adds the routes."""
    of_both: dict[str, Any] = {"answers": MessageAccepted}
    add_command(app, "PUT", PATH, react, refusals=("not_a_member", "muted", "not_found", "rate_limited"), **of_both)
    add_command(app, "DELETE", PATH, take_back, refusals=("not_found", "rate_limited"), **of_both)


async def _before(call: Call, refused: Refused) -> Appended:
    """The reaction that is there already."""
    assert refused.event_id is not None, "a taken claim names the event that took it"
    first = await call.api.store.find(refused.event_id)
    assert first is not None, "an event that took a claim is in the log"
    return Appended((placed(first),), replayed=True)


def _answer(call: Call, message_id: UUID, appended: Appended) -> Ready:
    return accepted(200, appended, call.api.store.log_id, {"message_id": message_id, "seq": appended.events[0].version})
