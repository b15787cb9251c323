"""Sending, editing and deleting messages. Must not know the rules: `domain/messages.py` has them."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from fastapi import FastAPI
from pydantic import Field

from command_api.answers import Accepted, accepted, placed
from command_api.call import Call, Called
from command_api.domain import messages
from command_api.domain.decision import Decision
from command_api.limits import SPEAKING
from command_api.routes import add_command
from command_api.texts import Body, ClientMessageId, MessageText
from events.errors import Refused, ReusedKey
from events.ports import Appended
from infra.web.answer import Ready
from infra.web.auth import Authenticated


class NewMessage(Body):
    """What to say."""

    text: MessageText
    client_message_id: ClientMessageId | None = None
    reply_to: UUID | None = Field(None, description="A message of this channel; a reply to a reply joins its thread.")


class EditedMessage(Body):
    """What to say instead."""

    text: MessageText


class MessageAccepted(Accepted):
    """Which message, and the number of the event in its channel."""

    message_id: UUID
    seq: int


async def send_message(channel_id: UUID, body: NewMessage, caller: Authenticated, call: Called) -> Ready:
    """Sends a message to a channel; members of the course only.

    A `client_message_id` that was sent before sends nothing: the answer (200) names the first message.
    """
    api = call.api
    api.limits.spend(SPEAKING, caller.user_id)
    channel = await api.channels.channel(channel_id, caller.user_id)
    intent = call.intent(caller.actor, f"send_message {channel_id}", body)
    reply_to = messages.here(channel, await api.channels.message(body.reply_to)) if body.reply_to else None
    decision = messages.send(channel, caller.user_id, body.text, body.client_message_id, reply_to)
    try:
        appended = await api.write.once(intent, decision, messages.send_refused)
    except Refused as refused:
        return await _sent_before(call, refused, f"channel-{channel_id}")
    event = appended.events[0]
    return accepted(201, appended, api.store.log_id, {"message_id": event.id, "seq": event.version})


async def edit_message(
    channel_id: UUID, message_id: UUID, body: EditedMessage, caller: Authenticated, call: Called
) -> Ready:
    """Changes the text of one's own message."""
    call.api.limits.spend(SPEAKING, caller.user_id)

    async def decide() -> Decision:
        channel = await call.api.channels.channel(channel_id, caller.user_id)
        message = await call.api.channels.message(message_id)
        return messages.edit(channel, message, caller.user_id, body.text)

    intent = call.intent(caller.actor, f"edit_message {channel_id} {message_id}", body)
    return _changed(call, message_id, await call.api.write.decided(intent, decide, messages.refused))


async def delete_message(channel_id: UUID, message_id: UUID, caller: Authenticated, call: Called) -> Ready:
    """Takes a message back: its author, the course's owner or an admin."""

    async def decide() -> Decision:
        admin = "admin" in caller.roles
        channel = await call.api.channels.channel(channel_id, None if admin else caller.user_id)
        message = await call.api.channels.message(message_id)
        return messages.delete(channel, message, caller.user_id, rules_all=admin)

    intent = call.intent(caller.actor, f"delete_message {channel_id} {message_id}")
    return _changed(call, message_id, await call.api.write.decided(intent, decide, messages.refused))


def add_routes(app: FastAPI) -> None:
    """Adds the routes; the hottest comes first."""
    path = "/v1/channels/{channel_id}/messages"
    again: dict[int | str, dict[str, Any]] = {200: {"model": MessageAccepted, "description": "Sent before"}}
    add_command(
        app, "POST", path, send_message, answers=MessageAccepted, status=201, responses=again,
        refusals=("not_a_member", "muted", "not_found", "rate_limited"),
    )  # fmt: skip
    own = ("forbidden", "not_a_member", "not_found")
    one = path + "/{message_id}"
    add_command(app, "PATCH", one, edit_message, answers=MessageAccepted, refusals=("muted", "rate_limited", *own))
    add_command(app, "DELETE", one, delete_message, answers=MessageAccepted, refusals=own)


async def _sent_before(call: Call, refused: Refused, stream: str) -> Ready:
    """The answer to a repeated `client_message_id`: the first message."""
    assert refused.event_id is not None, "a taken claim names the event that took it"
    first = await call.api.store.find(refused.event_id)
    if first is None or first.stream != stream:
        raise ReusedKey("This client_message_id was used in another channel; draw a new one.")
    appended = Appended((placed(first),), replayed=True)
    return accepted(200, appended, call.api.store.log_id, {"message_id": str(first.id), "seq": first.version})


def _changed(call: Call, message_id: UUID, appended: Appended) -> Ready:
    return accepted(200, appended, call.api.store.log_id, {"message_id": message_id, "seq": appended.events[0].version})
