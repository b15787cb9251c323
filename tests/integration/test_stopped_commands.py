"""A command that is stopped or killed in the middle: what the log says of it, and that the next one goes on."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys

from infra.processes import tied_to_parent
from tests.integration.asked_at_the_desk import desk
from tests.integration.test_audited_commands import written
from tests.system import ROOT, run_mimo

BUILDING = "select count(*)::int from operations.progress where doing like 'building courses_v1_g2%'"


def slow_replay(url: str) -> subprocess.Popen[bytes]:
    """`mimo replay courses`; whoever starts it ends it."""
    return subprocess.Popen(
        [sys.executable, "-m", "mimo", "replay", "courses", "--rate", "1"],
        cwd=ROOT, env={**os.environ, "MIMO_DATABASE_URL": url}, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL, preexec_fn=tied_to_parent(signal.SIGKILL), start_new_session=True,
    )  # fmt: skip


async def test_ctrl_c_is_written_down_and_a_kill_is_not_and_the_next_replay_goes_on(database_url: str) -> None:
    async with desk(database_url) as at_the_desk:
        for _ in range(10):
            await at_the_desk.school.course(at_the_desk.admin)
        async with at_the_desk.working():
            stopped = slow_replay(database_url)
            await at_the_desk.until(BUILDING, 1)
            stopped.send_signal(signal.SIGINT)
            assert await asyncio.to_thread(stopped.wait, 30) == 130
            assert await at_the_desk.ends() == [("replay", "cancelled", "Stopped on the command line.")]
            await at_the_desk.until(BUILDING, 0)
            killed = slow_replay(database_url)
            await at_the_desk.until(BUILDING, 1)
            killed.kill()
            await asyncio.to_thread(killed.wait, 30)
            told = await asyncio.to_thread(run_mimo, "operations", "--json", MIMO_DATABASE_URL=database_url)
            (latest, _) = json.loads(told.stdout)
            assert (latest["outcome"], latest["progress"]["doing"]) == (None, "building courses_v1_g2")
            done = await asyncio.to_thread(run_mimo, "replay", "courses", MIMO_DATABASE_URL=database_url)
            assert done.stdout == "Readers see courses_v1_g2 now.\n", done.stderr
    kinds = [kind for kind, _, _, _ in await written(database_url)]
    assert kinds == ["OperationRequested", "OperationEnded", "OperationRequested", *kinds[:2]]
