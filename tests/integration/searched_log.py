"""A log to look for events in: a school of several people, whose every event somebody else may have done; and filters.

It must not know how events are found.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from typing import Any
from uuid import UUID

import msgspec

from events.courses import CourseCreated, CoursePublished
from events.enrollments import Enrolled
from events.messages import ChannelOpened, MessageSent
from events.recorded import Meta, Recorded
from events.users import SessionEnded, UserRegistered
from infra.event_log.wanted import Wanted, read_wanted
from infra.ids import new_id
from tests.written_log import WrittenLog

COURSES = 8
Matches = Callable[[Recorded], Any]


class SearchedLog(WrittenLog):
    """Who did what is in `people`; the ids of courses and their channels in `courses` and `channels`."""

    def __init__(self, messages: int) -> None:
        """Writes it, in memory.

        Args:
            messages: how many, between the rest.
        """
        super().__init__()
        chance = random.Random(20)
        self.people = [self.person() for _ in range(6)]
        self.courses = [new_id() for _ in range(COURSES)]
        self.channels = [new_id() for _ in range(COURSES)]
        for person in self.people:
            self.add(UserRegistered(user_id=person, email_hmac="ab" * 32, email="ada@example.org", display_name="Ada"))
        for number in range(COURSES):
            self._open(number)
        for number in range(messages):
            author, channel = chance.choice(self.people), chance.choice(self.channels)
            client = f"client-{number}"
            self.add(MessageSent(channel_id=channel, author_id=author, text="Hello", client_message_id=client))
            self._by(f"user:{author}" if number % 7 else "operator:root")
            if number % 40 == 0:
                self.add(Enrolled(course_id=chance.choice(self.courses), user_id=author))
            if number % 100 == 0:
                self.add(SessionEnded(user_id=author, session_id=new_id(), reason="logout"))
                self._by("anonymous")

    def _open(self, number: int) -> None:
        course, owner, title = self.courses[number], self.people[0], f"Course no. {number} (a+b)"
        self.add(CourseCreated(course_id=course, owner_id=owner, title=title, description="“Größe”", capacity=9))
        self.add(ChannelOpened(channel_id=self.channels[number], course_id=course, owner_id=owner, name="general"))
        self.add(CoursePublished(course_id=course))

    def _by(self, actor: str) -> None:
        meta = msgspec.json.encode(Meta(actor=actor, correlation_id=str(UUID(int=1)))).decode()
        self.events[-1] = msgspec.structs.replace(self.events[-1], meta=meta)


def actor(event: Recorded) -> str:
    """Who did it."""
    return msgspec.json.decode(event.meta, type=Meta).actor


def unsealed(event: Recorded) -> str:
    """Its data without what is sealed in them."""
    return re.sub('"sealed":"[^"]*"', '"sealed":""', event.data)


def cases(log: SearchedLog) -> list[tuple[Wanted, Matches]]:
    """Filters, and what they mean of one event."""
    course, channel, ada = str(log.courses[1]), str(log.channels[1]), str(log.people[1])
    half = log.events[len(log.events) // 2].at
    found: list[tuple[dict[str, Any], Matches]] = [
        ({}, lambda event: True),
        ({"types": ["UserRegistered"]}, lambda event: event.type == "UserRegistered"),
        ({"types": ["MessageSent"]}, lambda event: event.type == "MessageSent"),
        ({"types": ["Enrolled", "SessionEnded"]}, lambda event: event.type in ("Enrolled", "SessionEnded")),
        ({"types": ["MessageDeleted"]}, lambda event: False),
        ({"topic": "courses"}, lambda event: event.topic == "mimo.courses"),
        ({"topic": "messages"}, lambda event: event.topic == "mimo.messages"),
        ({"topic": "messages", "types": ["ChannelOpened"]}, lambda event: event.type == "ChannelOpened"),
        ({"stream": f"channel-{channel}"}, lambda event: event.stream == f"channel-{channel}"),
        ({"stream": "channel-nobodys"}, lambda event: False),
        ({"key": course}, lambda event: event.key == course),
        ({"key": course, "types": ["Enrolled"]}, lambda event: event.key == course and event.type == "Enrolled"),
        ({"key": course, "stream": f"channel-{channel}"}, lambda event: False),
        ({"actor": ada}, lambda event: actor(event) == f"user:{ada}"),
        ({"actor": "anonymous", "key": ada}, lambda event: actor(event) == "anonymous" and event.key == ada),
        ({"since": half.isoformat()}, lambda event: event.at >= half),
        ({"until": half.isoformat(), "topic": "users"}, lambda event: event.at < half and event.topic == "mimo.users"),
        ({"first": 700, "key": channel}, lambda event: event.position >= 700 and event.key == channel),
        ({"last": 900, "topic": "users"}, lambda event: event.position <= 900 and event.topic == "mimo.users"),
        ({"first": 5, "last": 5}, lambda event: event.position == 5),
        ({"first": 10**9}, lambda event: False),
        ({"since": "2020-01-01", "until": "2020-01-02"}, lambda event: False),
        ({"pattern": "client-1[0-9]{2}\\y"}, lambda event: re.search(r"client-1\d\d\b", event.data)),
        ({"pattern": r"a\+b.*“Gr"}, lambda event: event.type == "CourseCreated"),
        ({"pattern": "(?i)COURSE NO"}, lambda event: "Course no" in event.data),
        ({"pattern": '"sealed"', "actor": ada}, lambda event: "sealed" in event.data and actor(event) == f"user:{ada}"),
        ({"pattern": "(?i)ab1"}, lambda event: re.search("(?i)ab1", unsealed(event))),
    ]  # fmt: skip
    return [(read_wanted(**filters), matches) for filters, matches in found]
