"""Opening and renaming channels. Must not know the rules: `domain/channels.py` has them."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from fastapi import FastAPI

from command_api.answers import Accepted, accepted, id_in, placed
from command_api.call import Called
from command_api.domain import channels
from command_api.domain.courses import Someone
from command_api.domain.decision import Decision
from command_api.limits import BEGINNING
from command_api.routes import add_command
from command_api.texts import Body, ChannelName
from events.errors import MimoError, Refused
from events.messages import direct_channel_id
from events.ports import Appended
from infra.ids import new_id
from infra.web.answer import Ready
from infra.web.auth import Authenticated, Caller


class NewChannel(Body):
    """A further channel of a course."""

    name: ChannelName


class ChannelChange(Body):
    """What it is to be called."""

    name: ChannelName


class NewDirectChannel(Body):
    """Whom to talk to."""

    user_id: UUID


class ChannelAccepted(Accepted):
    """Which channel."""

    channel_id: UUID


async def open_channel(course_id: UUID, body: NewChannel, caller: Authenticated, call: Called) -> Ready:
    """Opens a further channel in a course; its owner or an admin."""

    async def decide() -> Decision:
        owner_id = await call.api.channels.owner_of(course_id)
        return channels.open_channel(new_id(), course_id, owner_id, _someone(caller), body.name)

    intent = call.intent(caller.actor, f"open_channel {course_id}", body)
    appended = await call.api.write.decided(intent, decide, _unexpected)
    return accepted(201, appended, call.api.store.log_id, {"channel_id": id_in(appended.events[0].stream)})


async def rename_channel(channel_id: UUID, body: ChannelChange, caller: Authenticated, call: Called) -> Ready:
    """Calls a course's channel something else; the course's owner or an admin."""

    async def decide() -> Decision:
        return channels.rename(await call.api.channels.channel(channel_id, None), _someone(caller), body.name)

    intent = call.intent(caller.actor, f"rename_channel {channel_id}", body)
    appended = await call.api.write.decided(intent, decide, _unexpected)
    return accepted(200, appended, call.api.store.log_id, {"channel_id": channel_id})


async def open_direct_channel(course_id: UUID, body: NewDirectChannel, caller: Authenticated, call: Called) -> Ready:
    """Begins a conversation with another member of a course.

    Two people have one conversation, whatever they share: if it is there already, the answer (200) names it.
    """
    user_id, store = caller.user_id, call.api.store
    call.api.limits.spend(BEGINNING, user_id)
    channel_id = direct_channel_id(user_id, body.user_id)
    ids: dict[str, Any] = {"channel_id": channel_id}
    intent = call.intent(caller.actor, f"open_direct_channel {course_id}", body)
    decision = channels.open_direct(course_id, user_id, body.user_id)
    try:
        appended = await call.api.write.once(
            intent, decision, lambda refused: channels.direct_refused(refused, user_id)
        )
    except Refused as refused:
        first = await store.first(f"channel-{channel_id}")
        if refused.reason != "version" or first is None:
            raise
        return accepted(200, Appended((placed(first),)), store.log_id, ids)
    return accepted(201, appended, store.log_id, ids)


def add_routes(app: FastAPI) -> None:
    """Adds the routes."""
    path = "/v1/courses/{course_id}"
    owned = ("forbidden", "not_found")
    add_command(app, "POST", path + "/channels", open_channel, answers=ChannelAccepted, status=201, refusals=owned)
    add_command(app, "PATCH", "/v1/channels/{channel_id}", rename_channel, answers=ChannelAccepted, refusals=owned)
    there: dict[int | str, dict[str, Any]] = {200: {"model": ChannelAccepted, "description": "They have one already"}}
    add_command(
        app, "POST", path + "/direct-channels", open_direct_channel, answers=ChannelAccepted, status=201,
        responses=there, refusals=("not_a_member", "not_found"),
    )  # fmt: skip


def _someone(caller: Caller) -> Someone:
    return Someone(caller.user_id, rules_all="admin" in caller.roles)


def _unexpected(refused: Refused) -> MimoError:
    return refused
