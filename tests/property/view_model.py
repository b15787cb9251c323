"""The views as plain dictionaries, one event at a time: what the projections must come to, said simply."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from events.courses import CourseArchived, CourseChanged, CourseCreated, CoursePublished
from events.enrollments import Enrolled, Unenrolled
from events.messages import (
    ChannelOpened,
    ChannelRenamed,
    DirectChannelOpened,
    MessageDeleted,
    MessageEdited,
    MessageSent,
    ReactionAdded,
    ReactionRemoved,
)
from events.moderation import MemberMuted, MemberUnmuted, MessageReported, ReportResolved
from events.reading import ChannelRead
from events.recorded import Delivered
from events.users import RoleGranted, UserErased, UserProfileChanged, UserRegistered

Row = dict[str, Any]
Tables = dict[str, dict[Any, Row]]


def folded(delivered: Iterable[Delivered]) -> dict[str, list[tuple[Any, ...]]]:
    """The rows of every table, sorted, columns in the order of their names."""
    tables: Tables = {
        name: {}
        for name in (
            "person", "course", "enrollment", "enrollment_count", "channel", "channel_person", "shown_message",
            "mention", "reaction", "message_change", "erased_author", "read_marker", "mute", "report",
        )
    }  # fmt: skip
    for one in delivered:
        _users(tables, one)
        _courses(tables, one)
        _enrollments(tables, one)
        _channels(tables, one)
        _messages(tables, one)
        _reactions(tables, one)
        _reading(tables, one)
        _moderation(tables, one)
    _search(tables)
    return {
        name: sorted((tuple(row[column] for column in sorted(row)) for row in rows.values()), key=repr)
        for name, rows in tables.items()
    }


def _users(tables: Tables, one: Delivered) -> None:
    at, version = one.recorded.at, one.recorded.version
    match one.event:
        case UserRegistered(user_id=user_id, email=email, display_name=name):
            tables["person"][user_id] = {
                "user_id": user_id, "display_name": name, "email": email, "roles": ("student",), "joined_at": at,
                "version": version,
            }  # fmt: skip
        case UserProfileChanged(user_id=user_id, display_name=name):
            known = user_id not in tables["erased_author"]
            tables["person"][user_id] |= {"display_name": name if known else None, "version": version}
        case UserErased(user_id=user_id):
            tables["person"][user_id] |= {"display_name": None, "email": None, "version": version}
        case RoleGranted(user_id=user_id, role=role):
            row = tables["person"][user_id]
            row |= {"roles": (*row["roles"], role), "version": version}


def _courses(tables: Tables, one: Delivered) -> None:
    at, version, courses = one.recorded.at, one.recorded.version, tables["course"]
    match one.event:
        case CourseCreated() as created:
            courses[created.course_id] = {
                "course_id": created.course_id, "owner_id": created.owner_id, "status": "draft", "created_at": at,
                "published_at": None, "version": version, **_text(created),
            }  # fmt: skip
        case CourseChanged() as changed:
            courses[changed.course_id] |= {"version": version, **_text(changed)}
        case CoursePublished(course_id=course_id):
            courses[course_id] |= {"status": "published", "published_at": at, "version": version}
        case CourseArchived(course_id=course_id):
            courses[course_id] |= {"status": "archived", "version": version}


def _text(event: CourseCreated | CourseChanged) -> Row:
    return {
        "title": event.title, "description": event.description, "tags": tuple(event.tags), "capacity": event.capacity
    }  # fmt: skip


def _enrollments(tables: Tables, one: Delivered) -> None:
    match one.event:
        case Enrolled(course_id=course_id, user_id=user_id):
            row = {"course_id": course_id, "user_id": user_id, "enrolled_at": one.recorded.at}
            tables["enrollment"][course_id, user_id] = row
            _count(tables, course_id, 1)
        case Unenrolled(course_id=course_id, user_id=user_id):
            del tables["enrollment"][course_id, user_id]
            _count(tables, course_id, -1)


def _count(tables: Tables, course_id: UUID, change: int) -> None:
    row = tables["enrollment_count"].setdefault(course_id, {"course_id": course_id, "enrolled_count": 0})
    row["enrolled_count"] += change


def _moderation(tables: Tables, one: Delivered) -> None:
    at, mutes, reports = one.recorded.at, tables["mute"], tables["report"]
    match one.event:
        case MemberMuted() as muted:
            mutes[muted.course_id, muted.user_id] = {
                "course_id": muted.course_id, "user_id": muted.user_id, "muted_by": muted.muted_by, "muted_at": at,
                "until": muted.until,
            }  # fmt: skip
        case MemberUnmuted(course_id=course_id, user_id=user_id):
            del mutes[course_id, user_id]
        case MessageReported() as reported:
            reports[reported.report_id] = {
                "report_id": reported.report_id, "channel_id": reported.channel_id, "course_id": reported.course_id,
                "message_id": reported.message_id, "reason": reported.reason, "reported_by": reported.reported_by,
                "reported_at": at, "resolved_at": None, "resolved_by": None, "outcome": None,
            }  # fmt: skip
        case ReportResolved(report_id=report_id, resolved_by=resolved_by, outcome=outcome):
            reports[report_id] |= {"resolved_at": at, "resolved_by": resolved_by, "outcome": outcome}


def _reading(tables: Tables, one: Delivered) -> None:
    match one.event:
        case ChannelRead(user_id=user_id, channel_id=channel_id, number=number):
            markers, nothing = tables["read_marker"], {"number": 0}
            if number > markers.get((user_id, channel_id), nothing)["number"]:
                row = {"user_id": user_id, "channel_id": channel_id, "number": number, "read_at": one.recorded.at}
                markers[user_id, channel_id] = row


def _channels(tables: Tables, one: Delivered) -> None:
    recorded, channels = one.recorded, tables["channel"]
    new: Row = {
        "course_id": None, "owner_id": None, "name": None, "people": None, "opened_at": recorded.at, "last_seq": 1,
        "message_count": 0,
    }  # fmt: skip
    match one.event:
        case ChannelOpened(channel_id=channel_id, course_id=course_id, owner_id=owner_id, name=name):
            known = {"channel_id": channel_id, "course_id": course_id, "owner_id": owner_id, "name": name}
            channels[channel_id] = new | known
        case DirectChannelOpened(channel_id=channel_id, people=people):
            channels[channel_id] = new | {"channel_id": channel_id, "people": people}
            for user_id in people:
                tables["channel_person"][channel_id, user_id] = {"channel_id": channel_id, "user_id": user_id}
        case ChannelRenamed(channel_id=channel_id, name=name):
            channels[channel_id]["name"] = name
    if recorded.topic == "mimo.messages":
        channels[UUID(recorded.key)]["last_seq"] = recorded.version


def _messages(tables: Tables, one: Delivered) -> None:
    recorded, messages, erased = one.recorded, tables["shown_message"], tables["erased_author"]
    match one.event:
        case MessageSent() as sent:
            tables["channel"][sent.channel_id]["message_count"] += 1
            messages[recorded.id] = {
                "channel_id": sent.channel_id, "seq": recorded.version, "message_id": recorded.id,
                "number": tables["channel"][sent.channel_id]["message_count"], "author_id": sent.author_id,
                "text": None if sent.author_id in erased else sent.text, "sent_at": recorded.at, "edited_at": None,
                "deleted": False, "thread_id": sent.thread_id, "reply_count": 0,
            }  # fmt: skip
            _mention(tables, recorded.id, sent.mentions)
            _reply(tables, recorded.id, 1)
        case MessageEdited(message_id=message_id, author_id=author, text=text, mentions=mentions):
            _changed(tables, message_id, recorded.version)
            if not messages[message_id]["deleted"]:
                messages[message_id] |= {"text": None if author in erased else text, "edited_at": recorded.at}
                _mention(tables, message_id, mentions)
        case MessageDeleted(message_id=message_id):
            _changed(tables, message_id, recorded.version)
            if not messages[message_id]["deleted"]:
                messages[message_id] |= {"text": None, "deleted": True}
                _mention(tables, message_id, ())
                _reply(tables, message_id, -1)
        case UserErased(user_id=user_id):
            erased[user_id] = {"author_id": user_id}
            for row in messages.values():
                row["text"] = None if row["author_id"] == user_id else row["text"]


def _changed(tables: Tables, message_id: UUID, seq: int) -> None:
    tables["message_change"][message_id, seq] = {"message_id": message_id, "seq": seq}


def _mention(tables: Tables, message_id: UUID, people: tuple[UUID, ...]) -> None:
    message, mentions = tables["shown_message"][message_id], tables["mention"]
    message["mentions"] = people or None
    for key in [key for key in mentions if key[0] == message_id]:
        del mentions[key]
    for user_id in people:
        place = {name: message[name] for name in ("channel_id", "number", "message_id")}
        mentions[message_id, user_id] = {"user_id": user_id, **place}


def _reply(tables: Tables, message_id: UUID, change: int) -> None:
    messages = tables["shown_message"]
    if thread_id := messages[message_id]["thread_id"]:
        messages[thread_id]["reply_count"] += change


def _reactions(tables: Tables, one: Delivered) -> None:
    reactions = tables["reaction"]
    match one.event:
        case ReactionAdded(channel_id=channel_id, message_id=message_id, user_id=user_id, emoji=emoji):
            reactions[message_id, emoji, user_id] = {
                "message_id": message_id, "emoji": emoji, "user_id": user_id, "channel_id": channel_id,
                "reacted_at": one.recorded.at,
            }  # fmt: skip
        case ReactionRemoved(message_id=message_id, user_id=user_id, emoji=emoji):
            reactions.pop((message_id, emoji, user_id), None)
        case MessageDeleted(message_id=message_id):
            for key in [key for key in reactions if key[0] == message_id]:
                del reactions[key]


def _search(tables: Tables) -> None:
    """What can be found is what is shown. Words are left as text here; PostgreSQL knows what a text is found by."""
    tables["erased_writer"] = tables["erased_author"]
    tables["shown_entry"] = {
        message_id: {
            "message_id": message_id, "channel_id": message["channel_id"], "author_id": message["author_id"],
            "sent_at": message["sent_at"], "words": message["text"],
        }
        for message_id, message in tables["shown_message"].items() if message["text"] is not None
    }  # fmt: skip
