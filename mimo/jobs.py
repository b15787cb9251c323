"""The processes that build a generation for a replay: started, watched and ended with it.

It must not know what they do.
"""

from __future__ import annotations

import asyncio
import os
import signal
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import IO

from infra.processes import tied_to_parent

STOP_SECONDS = 5.0


class Processes:
    """Some processes of the same command. Implements `projectors.replay.Jobs`."""

    def __init__(self, running: Sequence[asyncio.subprocess.Process], said: IO[bytes]) -> None:
        self._running = running
        self._said = said

    def ended(self) -> str | None:
        """As the protocol says."""
        codes = [process.returncode for process in self._running if process.returncode is not None]
        if not codes:
            return None
        self._said.seek(0)
        lines = self._said.read().decode(errors="replace").strip().splitlines()
        return f"A process that builds has ended ({codes[0]}): {lines[-1] if lines else 'it said nothing'}."


@asynccontextmanager
async def processes(command: Sequence[str], number: int, environment: Mapping[str, str]) -> AsyncIterator[Processes]:
    """Runs a command several times until the block ends; whoever dies with this process dies at once.

    Args:
        command: what to run.
        number: how often.
        environment: on top of this process's own.
    """
    running: list[asyncio.subprocess.Process] = []
    with tempfile.TemporaryFile() as said:
        try:
            for _ in range(number):
                process = await asyncio.create_subprocess_exec(
                    *command,
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=said,
                    stderr=said,
                    env={**os.environ, **environment},
                    preexec_fn=tied_to_parent(signal.SIGKILL),
                )
                running.append(process)
            yield Processes(running, said)
        finally:
            await asyncio.gather(*map(_end, running))


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.terminate()
    try:
        await asyncio.wait_for(process.wait(), STOP_SECONDS)
    except TimeoutError:
        process.kill()
        await process.wait()
