"""What the relay says about itself."""

from __future__ import annotations

import pytest

from infra.relay import progress as module
from infra.relay.progress import SILENCE_SECONDS, Progress, State


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [1000.0]
    monkeypatch.setattr(module, "monotonic", lambda: now[0])
    return now


def test_it_is_unready_until_it_is_active_or_stands_by() -> None:
    progress = Progress()
    assert progress.unready() == "starting"
    progress.standing_by()
    assert progress.unready() is None
    progress.active()
    assert progress.unready() is None


def test_one_that_stands_by_may_do_so_for_ever(clock: list[float]) -> None:
    progress = Progress()
    progress.standing_by()
    clock[0] += 3600
    assert progress.unready() is None


def test_one_that_has_caught_up_may_wait_for_ever_but_not_one_in_the_middle(clock: list[float]) -> None:
    progress = Progress()
    progress.active()
    progress.caught_up()
    clock[0] += 3600
    assert progress.unready() is None
    progress.published(2000, 0.1)
    assert progress.unready() is None
    clock[0] += SILENCE_SECONDS + 1
    assert progress.unready() == "active: no progress for 7 s"
    progress.moved()
    assert progress.unready() is None


def test_it_says_why_it_cannot_publish_until_it_can() -> None:
    progress = Progress()
    progress.backing_off("Kafka is away")
    assert progress.unready() == "backing off: Kafka is away"
    progress.stopped("another history")
    assert progress.unready() == "stopped: another history"
    progress.active()
    assert progress.unready() is None


@pytest.mark.parametrize("state", list(State))
def test_the_metric_tells_one_state_at_a_time(state: State) -> None:
    progress = Progress()
    progress._is(state)
    (metric,) = module._STATE.collect()
    told = {sample.labels["state"]: sample.value for sample in metric.samples}
    assert told == {each.value: float(each is state) for each in State}
