"""What works beside a server is stopped with it, and readiness says when it ended by itself."""

import asyncio

import pytest
from structlog.testing import capture_logs

from infra.web.beside import Beside

ENDED = "the baker has ended; see the log"


async def bake_for_ever() -> None:
    await asyncio.Event().wait()


async def fine() -> str | None:
    return None


async def test_it_works_while_the_server_serves_and_is_stopped_with_it() -> None:
    begun, stopped = asyncio.Event(), asyncio.Event()

    async def bake() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            stopped.set()

    beside = Beside("baker")
    check = beside.checked(fine)
    assert await check() == ENDED, "it has not begun"
    async with beside.runs(bake()):
        await begun.wait()
        assert await check() is None
    assert stopped.is_set()
    assert await check() == ENDED


async def test_what_the_given_check_says_counts_while_it_works() -> None:
    async def hungry() -> str | None:
        return "no flour"

    beside = Beside("baker")
    async with beside.runs(bake_for_ever()):
        await asyncio.sleep(0)
        assert await beside.checked(hungry)() == "no flour"


@pytest.mark.parametrize("trouble", [None, ValueError("burnt")])
async def test_work_that_ends_by_itself_makes_the_process_unready_and_is_logged(trouble: Exception | None) -> None:
    ended = asyncio.Event()

    async def bake() -> None:
        ended.set()
        if trouble:
            raise trouble

    beside = Beside("baker")
    with capture_logs() as logged:
        async with beside.runs(bake()):
            await ended.wait()
            await asyncio.sleep(0)
            assert await beside.checked(fine)() == ENDED
    assert [(line["event"], line["what"], line["exc_info"]) for line in logged] == (
        [("ended", "baker", trouble)] if trouble else []
    )
