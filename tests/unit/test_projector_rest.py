"""A projection that costs much leaves the machine to others for a multiple of the time that it took."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

import pytest

from events.ports import Batch, CaughtUp, EventLog, Item
from projectors.batches import Batches
from projectors.checkpoints import Generation
from projectors.progress import Progress
from projectors.runner import LONGEST_REST_SECONDS, Runner
from projectors.views.search import Search


class OneBatch:
    """A log that brings one batch and then nothing more."""

    @asynccontextmanager
    async def follow(self, *_: Any, **__: Any) -> AsyncIterator[AsyncIterator[Item]]:
        async def items() -> AsyncIterator[Item]:
            yield Batch(())
            yield CaughtUp(1)
            raise asyncio.CancelledError

        yield items()


class NoBatches:
    async def open(self, _: object) -> None:
        return None

    async def deliver(self, *_: object) -> None:
        pass


@pytest.mark.parametrize(
    ("took", "rest", "rested"), [(0.1, 3.0, [0.3]), (60.0, 3.0, [LONGEST_REST_SECONDS]), (1, 0.0, [])]
)
async def test_it_rests_after_each_batch_but_never_for_long(
    took: float, rest: float, rested: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    moments, slept = iter((0.0, took)), []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    monkeypatch.setattr("projectors.runner.monotonic", lambda: next(moments))
    monkeypatch.setattr("projectors.runner.asyncio.sleep", sleep)
    runner = Runner(
        Generation("search", 1, 1), ("mimo.messages",), cast("EventLog", OneBatch()), cast("Batches", NoBatches()),
        Progress("search"), rest=rest,
    )  # fmt: skip
    with pytest.raises(asyncio.CancelledError):
        await runner.run()
    assert slept == pytest.approx(rested)


def test_searching_is_what_rests() -> None:
    assert Search.rest > 0
