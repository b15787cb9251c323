"""Muting members of a course, reporting messages and resolving reports.

Must not know the rules: `domain/moderation.py` has them.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, TypeVar
from uuid import UUID

from fastapi import FastAPI
from pydantic import Field

from command_api.answers import Accepted, accepted, placed
from command_api.call import Call, Called
from command_api.domain import moderation
from command_api.domain.courses import Someone
from command_api.domain.decision import Decision
from command_api.limits import REPORTING
from command_api.routes import add_command
from command_api.texts import WHOLE, Body
from command_api.write import MAX_DECISIONS, RETRY_AFTER_CONFLICT_SECONDS, TOO_MANY, Intent, InWords
from events import claims
from events.catalog import parse
from events.errors import MimoError, Overloaded, Refused
from events.event import Event
from events.moderation import MemberMuted, MessageReported, Outcome, Reason
from events.ports import Appended
from events.recorded import Recorded
from infra.ids import new_id
from infra.web.answer import Ready
from infra.web.auth import Authenticated, Caller

MAX_MINUTES = 30 * 24 * 60
Minutes = Annotated[int, Field(strict=True, ge=1, le=MAX_MINUTES, description="How long; at most 30 days."), WHOLE]
E = TypeVar("E", bound=Event)


class NewMute(Body):
    """Who is to be silent, and for how long."""

    user_id: UUID
    minutes: Minutes


class NewReport(Body):
    """What is wrong with a message."""

    reason: Reason


class Resolution(Body):
    """What came of a report; what was removed or muted has a command of its own."""

    outcome: Outcome


class Muted(Accepted):
    """Who, and until when."""

    user_id: UUID
    until: datetime


class Unmuted(Accepted):
    """Who may speak again."""

    user_id: UUID


class ReportAccepted(Accepted):
    """Which report."""

    report_id: UUID


async def mute_member(course_id: UUID, body: NewMute, caller: Authenticated, call: Called) -> Ready:
    """Lets a member of a course only read for a while, in all its channels; the course's owner or an admin.

    Who is muted already gets the new end. It ends by itself; enrolling again does not end it.
    """
    owner_id = await call.api.channels.owner_of(course_id)
    until = datetime.now(UTC).replace(microsecond=0) + timedelta(minutes=body.minutes)

    def decision(*, anew: bool) -> Decision:
        return moderation.mute(course_id, owner_id, _someone(caller), body.user_id, until, anew=anew)

    def in_words(refused: Refused) -> MimoError:
        return moderation.mute_refused(refused, course_id, body.user_id)

    intent = call.intent(caller.actor, f"mute_member {course_id}", body)
    appended = await _muted(call, intent, (decision(anew=False), decision(anew=True)), in_words)
    if appended.replayed:
        until = (await _event(call, appended.events[-1].id, MemberMuted)).until
    ids = {"user_id": body.user_id, "until": f"{until:%Y-%m-%dT%H:%M:%SZ}"}
    return accepted(201, appended, call.api.store.log_id, ids)


async def unmute_member(course_id: UUID, user_id: UUID, caller: Authenticated, call: Called) -> Ready:
    """Lets a muted member speak again; the course's owner or an admin."""

    async def decide() -> Decision:
        owner_id = await call.api.channels.owner_of(course_id)
        return moderation.unmute(course_id, owner_id, _someone(caller), user_id)

    intent = call.intent(caller.actor, f"unmute_member {course_id} {user_id}")
    appended = await call.api.write.decided(intent, decide, moderation.unmute_refused)
    return accepted(200, appended, call.api.store.log_id, {"user_id": user_id})


async def report_message(
    channel_id: UUID, message_id: UUID, body: NewReport, caller: Authenticated, call: Called
) -> Ready:
    """Asks moderators to look at somebody else's message: the course's owner and admins, of a direct channel admins.

    A message that one has reported before is not reported again: the answer (200) names the first report.
    """
    api, report_id = call.api, new_id()
    api.limits.spend(REPORTING, caller.user_id)

    async def decide() -> Decision:
        channel = await api.channels.channel(channel_id, caller.user_id)
        message = await api.channels.message(message_id)
        return moderation.report(report_id, channel, message, caller.user_id, body.reason)

    intent = call.intent(caller.actor, f"report_message {channel_id} {message_id}", body)
    try:
        appended = await api.write.decided(intent, decide, moderation.report_refused)
    except Refused as refused:
        return await _reported_before(call, refused)
    if appended.replayed:
        report_id = (await _event(call, appended.events[0].id, MessageReported)).report_id
    return accepted(201, appended, api.store.log_id, {"report_id": report_id})


async def resolve_report(
    channel_id: UUID, report_id: UUID, body: Resolution, caller: Authenticated, call: Called
) -> Ready:
    """Says what came of a report; the course's owner or an admin, of a direct channel an admin."""
    api, who = call.api, _someone(caller)

    async def decide() -> Decision:
        channel = await api.channels.channel(channel_id, None if who.rules_all else who.user_id)
        found = await api.store.holder(claims.open_report(report_id))
        return moderation.resolve(channel, _read(found, MessageReported) if found else None, who, body.outcome)

    intent = call.intent(caller.actor, f"resolve_report {channel_id} {report_id}", body)
    appended = await api.write.decided(intent, decide, moderation.resolve_refused)
    return accepted(200, appended, api.store.log_id, {"report_id": report_id})


def add_routes(app: FastAPI) -> None:
    """Adds the routes."""
    mutes, owned = "/v1/courses/{course_id}/mutes", ("forbidden", "not_found")
    add_command(app, "POST", mutes, mute_member, answers=Muted, status=201, refusals=(*owned, "not_a_member"))
    add_command(app, "DELETE", mutes + "/{user_id}", unmute_member, answers=Unmuted, refusals=owned)
    again: dict[int | str, dict[str, Any]] = {200: {"model": ReportAccepted, "description": "Reported before"}}
    add_command(
        app, "POST", "/v1/channels/{channel_id}/messages/{message_id}/reports", report_message,
        answers=ReportAccepted, status=201, responses=again,
        refusals=("forbidden", "not_a_member", "not_found", "rate_limited"),
    )  # fmt: skip
    resolving = "/v1/channels/{channel_id}/reports/{report_id}/resolve"
    add_command(app, "POST", resolving, resolve_report, answers=ReportAccepted, refusals=owned)


async def _muted(call: Call, intent: Intent, decisions: tuple[Decision, Decision], in_words: InWords) -> Appended:
    """Mutes afresh; who turns out to be muted already gets the new end, who turns out not to be is muted afresh."""
    for number in range(MAX_DECISIONS):
        try:
            return await call.api.write.once(intent, decisions[number % 2], in_words)
        except Refused as refused:
            if refused.reason not in ("taken", "missing"):
                raise
    raise Overloaded(TOO_MANY, RETRY_AFTER_CONFLICT_SECONDS)


async def _reported_before(call: Call, refused: Refused) -> Ready:
    """The answer to a repeated report: the first one."""
    if refused.reason != "taken" or refused.event_id is None:
        raise refused
    store = call.api.store
    first = await store.find(refused.event_id)
    assert first is not None, "an event that took a claim is in the log"
    return accepted(
        200, Appended((placed(first),)), store.log_id, {"report_id": _read(first, MessageReported).report_id}
    )


async def _event(call: Call, event_id: UUID, kind: type[E]) -> E:
    recorded = await call.api.store.find(event_id)
    assert recorded is not None, "an outcome names events of the log"
    return _read(recorded, kind)


def _read(recorded: Recorded, kind: type[E]) -> E:
    """An event of this topic, in which nothing is sealed."""
    event = parse(recorded.type, recorded.schema, recorded.data, recorded.id)
    assert isinstance(event, kind), f"{recorded.type} is no {kind.__name__}"
    return event


def _someone(caller: Caller) -> Someone:
    return Someone(caller.user_id, rules_all="admin" in caller.roles)
