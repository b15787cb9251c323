"""Mutes and reports by chance, such as the deciders would allow. It must not know how the views look."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, get_args
from uuid import UUID, uuid4

from events.moderation import MemberMuted, MemberUnmuted, MessageReported, Outcome, Reason, ReportResolved
from tests.written_log import WrittenLog

BEGINNING = datetime(2026, 9, 1, tzinfo=UTC)


class Moderators:
    """Those of a few courses."""

    def __init__(self, log: WrittenLog, chance: random.Random, people: Sequence[UUID]) -> None:
        self.log, self.chance, self.people = log, chance, people
        self.courses = [uuid4() for _ in range(3)]
        self.muted: set[tuple[UUID, UUID]] = set()
        self.open: list[MessageReported] = []
        self.steps: tuple[Callable[[], Any], ...] = (self._mute, self._unmute, self._report, self._resolve)

    def _mute(self) -> None:
        """Somebody; who is muted already is unmuted before, as when their mute gets a new end."""
        course, person = self.chance.choice(self.courses), self.chance.choice(self.people)
        if (course, person) in self.muted:
            self.log.add(MemberUnmuted(course_id=course, user_id=person, unmuted_by=self.people[0]))
        self.muted.add((course, person))
        until = BEGINNING + timedelta(minutes=self.chance.randrange(1, 60))
        self.log.add(MemberMuted(course_id=course, user_id=person, muted_by=self.people[0], until=until))

    def _unmute(self) -> None:
        if self.muted:
            course, person = self.chance.choice(sorted(self.muted))
            self.muted.remove((course, person))
            by = self.chance.choice([None, self.people[0]])
            self.log.add(MemberUnmuted(course_id=course, user_id=person, unmuted_by=by))

    def _report(self) -> None:
        reported = MessageReported(
            report_id=uuid4(), channel_id=self.chance.choice(self.courses),
            course_id=self.chance.choice([None, *self.courses]), message_id=uuid4(),
            reported_by=self.chance.choice(self.people), reason=self.chance.choice(get_args(Reason)),
        )  # fmt: skip
        self.open.append(reported)
        self.log.add(reported)

    def _resolve(self) -> None:
        if self.open:
            reported = self.open.pop(self.chance.randrange(len(self.open)))
            resolved = ReportResolved(
                report_id=reported.report_id,
                channel_id=reported.channel_id,
                resolved_by=self.people[0],
                outcome=self.chance.choice(get_args(Outcome)),
            )
            self.log.add(resolved)
