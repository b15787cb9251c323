"""What a projection says about itself, and what failures mean."""

from __future__ import annotations

import asyncpg
import pytest

from events.errors import BrokenLog, UndecodableEvent
from projectors import progress as module
from projectors.failures import Failure, classify, described
from projectors.progress import SILENCE_SECONDS, Progress, State


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [1000.0]
    monkeypatch.setattr(module, "monotonic", lambda: now[0])
    return now


def test_it_is_unready_until_it_has_caught_up_once() -> None:
    progress = Progress("test")
    assert progress.unready() == "starting"
    progress.assigned(12)
    progress.applied(1000, 0.1)
    assert progress.unready() == "catching up"
    progress.caught_up()
    assert progress.unready() is None
    progress.applied(1, 0.001)
    assert progress.unready() is None


def test_without_partitions_it_stands_by_for_as_long_as_it_takes(clock: list[float]) -> None:
    progress = Progress("test")
    progress.assigned(0)
    clock[0] += 3600
    assert progress.unready() is None
    progress.assigned(3)
    assert progress.unready() == "catching up"


def test_silence_is_no_progress_whatever_it_was_doing(clock: list[float]) -> None:
    progress = Progress("test")
    progress.assigned(12)
    progress.caught_up()
    clock[0] += SILENCE_SECONDS + 3
    assert progress.unready() == "live: no progress for 9 s"


def test_a_failure_is_told_with_its_reason_until_it_is_over() -> None:
    progress = Progress("test")
    progress.failed("transient", State.BACKING_OFF, "the disk is full")
    assert progress.unready() == "backing off: the disk is full"
    progress.assigned(12)
    progress.caught_up()
    assert progress.unready() is None


@pytest.mark.parametrize(
    ("error", "failure"),
    [
        (ConnectionResetError(), Failure.TRANSIENT),
        (asyncpg.CannotConnectNowError("x"), Failure.TRANSIENT),
        (asyncpg.ConnectionDoesNotExistError("x"), Failure.TRANSIENT),
        (asyncpg.DiskFullError("x"), Failure.TRANSIENT),
        (asyncpg.DeadlockDetectedError("x"), Failure.TRANSIENT),
        (asyncpg.ReadOnlySQLTransactionError("x"), Failure.TRANSIENT),
        (asyncpg.UndefinedColumnError("x"), Failure.TRANSIENT),
        (BrokenLog("x"), Failure.TRANSIENT),
        (asyncpg.TransactionTimeoutError("x"), Failure.SLOW),
        (TimeoutError(), Failure.SLOW),
        (asyncpg.UniqueViolationError("x"), Failure.POISON),
        (asyncpg.CheckViolationError("x"), Failure.POISON),
        (asyncpg.NumericValueOutOfRangeError("x"), Failure.POISON),
        (asyncpg.ProgramLimitExceededError("x"), Failure.POISON),
        (UndecodableEvent("x"), Failure.POISON),
        (KeyError("x"), Failure.POISON),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_failures_have_classes(error: Exception, failure: Failure) -> None:
    assert classify(error) is failure


def test_what_is_written_about_a_failure_holds_nothing_of_the_event() -> None:
    with pytest.raises(ValueError) as raised:
        raise ValueError("ada@example.org")
    assert described(raised.value).startswith("ValueError in test_projector_progress.py:")
    assert (
        described(asyncpg.UniqueViolationError("Key (email)=(ada@example.org) exists"))
        == "UniqueViolationError (23505)"
    )
