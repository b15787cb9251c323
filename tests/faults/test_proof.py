"""The proof would notice what it is there for, and a plan follows from seed and number."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from events.courses import CourseCreated
from events.messages import MessageSent
from events.recorded import Recorded
from events.users import UserRegistered
from infra.ids import new_id
from tests.faults.kinds import KINDS
from tests.faults.proof import Commands, count_commands, flaws_of_log
from tests.faults.results import Results, table
from tests.faults.rounds import Result, planned
from tests.written_log import WrittenLog

Entries = list[dict[str, Any]]


@pytest.fixture
def told() -> tuple[Entries, WrittenLog]:
    """A journal of three commands, and the log that they made."""
    log = WrittenLog()
    ada, course, channel = log.person(), new_id(), new_id()
    log.add(UserRegistered(user_id=ada, email_hmac="5e", email="ada@example.org", display_name="Ada"))
    log.add(CourseCreated(course_id=course, owner_id=ada, title="", description="", tags=(), capacity=None))
    sent = log.add(MessageSent(channel_id=channel, author_id=ada, text="Hello", client_message_id="one"))
    entries: Entries = [
        {"command": "RegisterUser", "user_id": str(ada)},
        {"command": "SendMessage", "channel_id": str(channel), "message_id": str(sent.id), "seq": sent.version},
    ]
    return entries, log


def test_what_was_acknowledged_and_is_there_once_is_fine(told: tuple[Entries, WrittenLog]) -> None:
    entries, log = told
    assert count_commands(entries, log.events) == Commands(acknowledged=2, lost=0, doubled=0)
    assert flaws_of_log(log.events) == []


def test_a_lost_command_is_noticed(told: tuple[Entries, WrittenLog]) -> None:
    entries, log = told
    assert count_commands(entries, log.events[:-1]).lost == 1


def test_a_command_at_another_place_is_a_lost_one(told: tuple[Entries, WrittenLog]) -> None:
    entries, log = told
    assert count_commands([*entries[:-1], {**entries[-1], "seq": 7}], log.events).lost == 1


def test_a_message_that_was_stored_twice_under_one_name_is_noticed(told: tuple[Entries, WrittenLog]) -> None:
    entries, log = told
    first = log.events[-1]
    again = msgspec.structs.replace(first, id=new_id(), version=2, position=4, offset=first.offset + 1)
    assert count_commands(entries, [*log.events, again]).doubled == 1


@pytest.mark.parametrize("number", ["position", "offset", "version"])
def test_a_gap_in_the_log_is_noticed(told: tuple[Entries, WrittenLog], number: str) -> None:
    _, log = told
    last: Recorded = log.events[-1]
    broken = msgspec.structs.replace(last, **{number: getattr(last, number) + 1})
    assert len(flaws_of_log([*log.events[:-1], broken])) == 1


def test_each_kind_of_fault_comes_once_before_any_comes_again() -> None:
    plans = [planned(seed=3, number=number, outage_seconds=1.0) for number in range(1, 2 * len(KINDS) + 1)]
    assert {plan.fault for plan in plans[: len(KINDS)]} == set(KINDS)
    assert {plan.fault for plan in plans[len(KINDS) :]} == set(KINDS)
    assert plans == [planned(seed=3, number=plan.number, outage_seconds=1.0) for plan in plans]
    assert plans[4].chance.random() == planned(3, 5, 1.0).chance.random()


def test_results_are_kept_and_a_round_that_is_played_again_counts_once(tmp_path: Path) -> None:
    path = tmp_path / "seed-1.jsonl"
    first = Result(1, 1, "topics deleted", recovery_seconds=2.0)
    Results(path).add(replace(first, failure="later mended"))
    Results(path).add(first)
    assert Results(path).rounds == {1: first}
    Results(path).add(second := Result(1, 2, "topics deleted", recovery_seconds=4.0, lost=1, failure="1 commands lost"))
    assert Results(path).rounds == {1: first, 2: second}
    row = table([first, second]).rows[0]
    assert row == ("topics deleted", "2", "3.0", "4.0", "1", "0", "0", "0", "1")
