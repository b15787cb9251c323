"""Operations asked for over HTTP by an admin, and workers that carry them out, in this process or in their own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg

from infra.event_log.membership import Pace
from infra.processes import tied_to_parent
from infra.settings import load_settings
from mimo.accounts import grant
from mimo.operating.worker import Worker
from projectors.views import PROJECTIONS
from tests.beside import beside, projecting
from tests.command_api import Person, School, school
from tests.integration.test_audited_commands import written
from tests.ports import free_port
from tests.system import ROOT
from tests.until import until_answer

ENDED = "select count(*)::int from log.event where type = 'OperationEnded'"
PATIENCE_SECONDS = 120.0
"""Processes are started on the way, on a machine that may be busy."""
LIVE = "select string_agg(projection, ' ' order by projection) from projection.generation where status = 'live'"
BEHIND = "select sum(events_behind)::int from read.generation where status = 'live'"
IN_ITS_PLACE = "select max(at) < clock_timestamp() - interval '1.5 seconds' from log.event"
"""A generation that lacks younger events only is not late, and shown at once."""
QUICK = Pace(0.1, 3.0)


class Desk:
    """An admin at the desk of an installation."""

    def __init__(self, school: School, admin: Person, connection: asyncpg.Connection) -> None:
        self.school, self.admin, self.connection = school, admin, connection
        self.url = school.url

    async def asks(self, action: str, projection: str = "courses", body: Any = None) -> str:
        """Asks for something; the operation's id."""
        body = {} if body is None and action != "verify" else body
        answer = await self.admin.does("POST", f"/v1/projections/{projection}/{action}", body)
        assert answer.status_code == 202, answer.text
        return str(answer.json()["operation_id"])

    async def cancels(self, operation_id: str) -> int:
        """Stops it; the status of the answer."""
        return (await self.admin.does("POST", f"/v1/operations/{operation_id}/cancel")).status_code

    async def until_ended(self, number: int = 1) -> None:
        """Until so many operations have ended."""
        await self.until(ENDED, number)

    @asynccontextmanager
    async def working(self) -> AsyncIterator[None]:
        """Projector processes follow the log until the block ends; readers see all of it."""
        async with projecting(self.url):
            await self.until(LIVE, " ".join(sorted(one.name for one in PROJECTIONS)))
            await self.until(BEHIND, 0)
            await self.until(IN_ITS_PLACE, True)
            yield

    async def until(self, question: str, wanted: Any) -> None:
        """Asks the database until the answer is as wanted."""
        await until_answer(self.connection, question, wanted, seconds=PATIENCE_SECONDS)

    async def ends(self) -> list[tuple[str, str, str]]:
        """Action, outcome and what was said of all that has ended, in order."""
        events = await written(self.url)
        return [
            (data["action"], data["outcome"], data["said"]) for kind, data, _, _ in events if kind == "OperationEnded"
        ]

    @asynccontextmanager
    async def worker(self) -> AsyncIterator[Worker]:
        """A worker in this process."""
        worker = Worker(load_settings(database_url=self.url), QUICK, poll_seconds=0.05)
        async with beside(worker.run()):
            yield worker

    def process(self, folder: Path) -> subprocess.Popen[bytes]:
        """A worker in a process of its own; whoever starts it ends it."""
        environment = {
            **os.environ, "MIMO_DATABASE_URL": self.url, "MIMO_OPERATIONS_PORT": str(free_port()),
            "MIMO_DATA": str(folder), "MIMO_LOG_FORMAT": "json",
        }  # fmt: skip
        with (folder / "operations.log").open("ab") as output:
            return subprocess.Popen(
                [sys.executable, "-m", "mimo.operating"], cwd=ROOT, env=environment, stdout=output, stderr=output,
                preexec_fn=tied_to_parent(signal.SIGKILL),
            )  # fmt: skip


@asynccontextmanager
async def desk(database_url: str) -> AsyncIterator[Desk]:
    """An installation without events but an admin's."""
    connection = await asyncpg.connect(database_url)
    try:
        async with school(database_url) as found:
            yield Desk(found, await an_admin(found), connection)
    finally:
        await connection.close()


async def an_admin(found: School) -> Person:
    """Somebody who may do everything."""
    email = await found.register()
    await grant(found.url, found.secrets, email, "admin")
    return await found.person_of(email)
