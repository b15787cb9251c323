"""The write path: keys before refusals, conflicts decided anew, refusals in the domain's words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import uuid4

import pytest

from command_api.domain.decision import Decision
from command_api.write import MAX_DECISIONS, Intent, WritePath
from events.courses import CoursePublished
from events.errors import Conflict, EmailTaken, Overloaded, Refused, ReusedKey, VersionConflict
from events.ports import Append, Appended, Idempotency
from events.recorded import Meta

DECISION = Decision((CoursePublished(course_id=uuid4()),))
DONE = Appended(())
FIRST = Appended((), replayed=True)
PLAIN = Intent(Meta("anonymous"))
KEYED = Intent(Meta("anonymous"), Idempotency("anonymous", "k", b"f"))


class Store:
    """Answers appends in turn; nothing else of the port is called here."""

    def __init__(self, answers: Sequence[Appended | Exception], outcome: Appended | Exception | None = None) -> None:
        self.answers, self.first, self.appended = list(answers), outcome, list[Append]()

    async def append(self, command: Append) -> Appended:
        self.appended.append(command)
        return _told(self.answers.pop(0))

    async def outcome(self, idempotency: Idempotency) -> Appended | None:
        return None if self.first is None else _told(self.first)


def _told(answer: Appended | Exception) -> Appended:
    if isinstance(answer, Exception):
        raise answer
    return answer


def path(store: Store) -> WritePath:
    return WritePath(store)  # type: ignore[arg-type]


async def decide() -> Decision:
    return DECISION


async def refuse() -> Decision:
    raise Conflict("already published")


def in_words(refused: Refused) -> Any:
    return EmailTaken() if refused.reason == "taken" else refused


async def test_a_refusal_is_told_in_the_domains_words() -> None:
    with pytest.raises(EmailTaken):
        await path(Store([Refused("taken")])).once(PLAIN, DECISION, in_words)
    with pytest.raises(EmailTaken):
        await path(Store([Refused("taken")])).decided(PLAIN, decide, in_words)


async def test_a_reused_key_is_always_told_as_such() -> None:
    with pytest.raises(ReusedKey):
        await path(Store([Refused("reused_key")])).once(KEYED, DECISION, in_words)
    with pytest.raises(ReusedKey):
        await path(Store([], Refused("reused_key"))).decided(KEYED, refuse, in_words)


async def test_a_conflict_is_decided_anew_with_new_event_ids() -> None:
    store = Store([Refused("version"), Refused("stale"), DONE])
    assert await path(store).decided(PLAIN, decide, in_words) is DONE
    assert len({append.events[0].id for append in store.appended}) == 3


async def test_too_many_conflicts_are_an_overload() -> None:
    store = Store([Refused("version")] * MAX_DECISIONS)
    with pytest.raises(Overloaded):
        await path(store).decided(PLAIN, decide, in_words)
    assert len(store.appended) == MAX_DECISIONS


async def test_under_if_match_the_first_conflict_is_the_answer() -> None:
    with pytest.raises(VersionConflict):
        await path(Store([Refused("version")])).decided(PLAIN, decide, in_words, anew=False)


async def test_a_used_key_is_looked_up_before_a_refusal_is_answered() -> None:
    assert await path(Store([], FIRST)).decided(KEYED, refuse, in_words) is FIRST
    for intent, store in ((KEYED, Store([])), (PLAIN, Store([], FIRST))):
        with pytest.raises(Conflict):
            await path(store).decided(intent, refuse, in_words)
