"""A log to look for events in: a school of several people, whose every event somebody else may have done.

It must not know how events are found.
"""

from __future__ import annotations

import random
from uuid import UUID

import msgspec

from events.courses import CourseCreated, CoursePublished
from events.enrollments import Enrolled
from events.messages import ChannelOpened, MessageSent
from events.recorded import Meta
from events.users import SessionEnded, UserRegistered
from infra.ids import new_id
from tests.written_log import WrittenLog

COURSES = 8


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
