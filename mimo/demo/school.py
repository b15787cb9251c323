"""The simulated school: people register, open courses, enrol and talk, at a steady rate.

It must not know HTTP; `client` does.
"""

import asyncio
import random
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from mimo.demo.client import Person
from mimo.demo.journal import Journal

SUBJECTS = ("Algebra", "Botany", "Chemistry", "Drawing", "Economics", "French", "Geometry", "History", "Logic", "Music")
OPENINGS = ("I think", "Does anybody know why", "Today I learned that", "Please explain how", "It is true that")
MIDDLES = ("the second exercise", "the proof on page 12", "this experiment", "the last lecture", "our project")
ENDINGS = ("works after all", "is harder than it looks", "needs another look", "was worth it", "surprised everyone")
READ_EVERY = 5
"""Every so many messages somebody reads the channel with the bookmarks of the message and of their own enrolment."""
AT_ONCE_REGISTERING = 2
AT_ONCE_SENDING = 64


@dataclass(frozen=True)
class Plan:
    """How large and how lively the school is.

    Attributes:
        users: people.
        courses: courses, each with one channel.
        rate: messages a second, over all channels.
        messages: how many to send; None: until the time is over.
        seconds: for how long to send.
    """

    users: int
    courses: int
    rate: float
    messages: int | None
    seconds: float


@dataclass(frozen=True)
class Room:
    """A course's channel and who may talk there, each with the bookmark of what lets them."""

    course_id: str
    channel_id: str
    members: Mapping[Person, str]


Progress = Callable[[str, int, int], None]
"""Receives what is going on, how much is done, and of how much."""


class School:
    """One simulated school."""

    def __init__(self, plan: Plan, people: list[Person], journal: Journal, progress: Progress) -> None:
        """Describe it; nothing is sent yet.

        Args:
            plan: its size.
            people: not yet registered.
            journal: where acknowledged commands are noted.
            progress: told what is going on.
        """
        self.people: dict[str, Person] = {}
        self.bookmarks: dict[str, str] = {}
        self.stale_reads = 0
        self._plan = plan
        self._newcomers = people
        self._journal = journal
        self._progress = progress
        self._sent = 0

    async def open(self) -> list[Room]:
        """Register and sign in everybody, create and publish the courses, enrol everybody everywhere."""
        gate = asyncio.Semaphore(AT_ONCE_REGISTERING)

        async def join(person: Person) -> None:
            async with gate:
                user_id = await person.register()
                self._journal.note("RegisterUser", user_id=user_id, email=person.email, password=person.password)
                await person.sign_in()
            self.people[user_id] = person
            self._progress("people registered", len(self.people), self._plan.users)

        async with asyncio.TaskGroup() as tasks:
            for person in self._newcomers:
                tasks.create_task(join(person))
        ids = list(self.people)
        rooms = []
        for number in range(self._plan.courses):
            rooms.append(await self._open_course(number, ids[number % len(ids)]))
            self._progress("courses opened", len(rooms), self._plan.courses)
        return rooms

    async def _open_course(self, number: int, owner_id: str) -> Room:
        owner = self.people[owner_id]
        subject = SUBJECTS[number % len(SUBJECTS)]
        description = f"**{subject}** in the simulated school. Enrol, and see everybody talk in its channel."
        tags = ["demo", subject.lower()]
        course = {"title": f"{subject} {secrets.token_hex(2)}", "description": description, "tags": tags}
        made, bookmark = await owner.do("POST", "/v1/courses", course)
        course_id, channel_id = made["course_id"], made["channel_id"]
        self._journal.note("CreateCourse", user_id=owner_id, course_id=course_id, channel_id=channel_id)
        await owner.do("POST", f"/v1/courses/{course_id}/publish")
        self._journal.note("PublishCourse", course_id=course_id)

        members = {owner: bookmark}

        async def enrol(user_id: str, person: Person) -> None:
            _, members[person] = await person.do("POST", f"/v1/courses/{course_id}/enrollments")
            self._journal.note("Enroll", user_id=user_id, course_id=course_id)

        async with asyncio.TaskGroup() as tasks:
            for user_id, person in self.people.items():
                if person is not owner:
                    tasks.create_task(enrol(user_id, person))
        return Room(course_id, channel_id, members)

    async def talk(self, rooms: list[Room]) -> None:
        """Send messages at the planned rate; what the system cannot take at that rate is sent as fast as it can."""
        plan = self._plan
        total = plan.messages if plan.messages is not None else max(1, int(plan.rate * plan.seconds))
        gate = asyncio.Semaphore(AT_ONCE_SENDING)
        begun = time.monotonic()
        async with asyncio.TaskGroup() as tasks:
            for number in range(total):
                await asyncio.sleep(max(0.0, begun + number / plan.rate - time.monotonic()))
                if time.monotonic() - begun > plan.seconds and plan.messages is None:
                    break
                await gate.acquire()
                room = random.choice(rooms)  # noqa: S311 - a play, not a secret
                task = tasks.create_task(self._say(room, random.choice(list(room.members)), total))  # noqa: S311
                task.add_done_callback(lambda _task: gate.release())

    async def _say(self, room: Room, person: Person, total: int) -> None:
        text = " ".join(random.choice(words) for words in (OPENINGS, MIDDLES, ENDINGS)) + "."  # noqa: S311
        path = f"/v1/channels/{room.channel_id}/messages"
        answer, bookmark = await person.do("POST", path, {"text": text, "client_message_id": secrets.token_hex(8)})
        message_id, seq = answer["message_id"], answer["seq"]
        self._journal.note("SendMessage", channel_id=room.channel_id, message_id=message_id, seq=seq, text=text)
        self._sent += 1
        self._progress("messages acknowledged", self._sent, total)
        self.bookmarks[room.channel_id] = bookmark
        if self._sent % READ_EVERY == 0:
            reader, joined = random.choice(list(room.members.items()))  # noqa: S311
            both = f"{joined},{bookmark}"  # the message, and that this one may read it
            page = await reader.read(f"{path}?limit=1&after_seq={seq - 1}&before_seq={seq + 1}", both)
            if [message["message_id"] for message in page["items"]] != [message_id]:
                self.stale_reads += 1
