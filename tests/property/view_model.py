"""The views as plain dictionaries, one event at a time: what the projections must come to, said simply."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from events.courses import CourseArchived, CourseChanged, CourseCreated, CoursePublished
from events.enrollments import Enrolled, Unenrolled
from events.messages import ChannelOpened, MessageDeleted, MessageEdited, MessageSent
from events.recorded import Delivered
from events.users import RoleGranted, UserErased, UserProfileChanged, UserRegistered

Row = dict[str, Any]
Tables = dict[str, dict[Any, Row]]


def folded(delivered: Iterable[Delivered]) -> dict[str, list[tuple[Any, ...]]]:
    """The rows of every table, sorted, columns in the order of their names."""
    tables: Tables = {
        name: {}
        for name in ("person", "course", "enrollment", "enrollment_count", "channel", "shown_message", "erased_author")
    }
    for one in delivered:
        _users(tables, one)
        _courses(tables, one)
        _enrollments(tables, one)
        _messages(tables, one)
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


def _messages(tables: Tables, one: Delivered) -> None:
    recorded, channels, messages, erased = (
        one.recorded,
        tables["channel"],
        tables["shown_message"],
        tables["erased_author"],
    )
    match one.event:
        case ChannelOpened() as opened:
            channels[opened.channel_id] = {
                "channel_id": opened.channel_id, "course_id": opened.course_id, "owner_id": opened.owner_id,
                "name": opened.name, "opened_at": recorded.at, "last_seq": 1, "message_count": 0,
            }  # fmt: skip
        case MessageSent() as sent:
            channels[sent.channel_id]["message_count"] += 1
            messages[recorded.id] = {
                "channel_id": sent.channel_id, "seq": recorded.version, "message_id": recorded.id,
                "number": channels[sent.channel_id]["message_count"], "author_id": sent.author_id,
                "text": None if sent.author_id in erased else sent.text, "sent_at": recorded.at, "edited_at": None,
                "deleted": False,
            }  # fmt: skip
        case MessageEdited(message_id=message_id, author_id=author, text=text) if not messages[message_id]["deleted"]:
            messages[message_id] |= {"text": None if author in erased else text, "edited_at": recorded.at}
        case MessageDeleted(message_id=message_id):
            messages[message_id] |= {"text": None, "deleted": True}
        case UserErased(user_id=user_id):
            erased[user_id] = {"author_id": user_id}
            for row in messages.values():
                row["text"] = None if row["author_id"] == user_id else row["text"]
    if recorded.topic == "mimo.messages":
        channels[UUID(recorded.key)]["last_seq"] = recorded.version
