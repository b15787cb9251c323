"""`python -m tests.bench.ears`: very many listeners in one process, which only count what they are told.

Each line of its output is an event's seq and the moment (time.monotonic, the same clock in every process of a machine)
when the last of them had it.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import Counter

import uvloop

from tests.light_socket import LightSocket

EVENT, SEQ = b'"type":"event"', b'"seq":'
READY = b'"type":"subscribed"'
REFUSED = (b'{"type":"refused"', b'{"type":"reset"')
OPENING_AT_ONCE = 20


class Count:
    """Who has what.

    Args:
        listeners: how many there are that read.
    """

    def __init__(self, listeners: int) -> None:
        self._listeners = listeners
        self._heard: Counter[int] = Counter()

    def heard(self, seq: int) -> None:
        """One of them has it."""
        self._heard[seq] += 1
        if self._heard[seq] == self._listeners:
            sys.stdout.write(f"{seq} {time.monotonic():.6f}\n")
            sys.stdout.flush()


class Ear(LightSocket):
    """One listener.

    Args:
        host: the server.
        path: of the WebSocket.
        says: what it says when it is open.
        count: is told what it hears.
    """

    def __init__(self, host: str, path: str, says: list[bytes], count: Count) -> None:
        super().__init__(host, path, says)
        self._count = count
        self._waits = bool(says)
        self.ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def opened(self) -> None:
        """Who says nothing is ready."""
        if not self._waits:
            self.ready.set_result(None)

    def heard(self, text: bytes) -> None:
        """Counts events."""
        if EVENT in text:
            begin = text.index(SEQ) + len(SEQ)
            self._count.heard(int(text[begin : text.index(b",", begin)]))
        elif not self.ready.done():
            if any(word in text for word in REFUSED):
                self.ready.set_exception(ConnectionError(f"a listener was refused: {text!r}"))
            elif READY in text:
                self.ready.set_result(None)

    def gone(self, said: bytes) -> None:
        """It was cut off, or we end."""
        if not self.ready.done():
            self.ready.set_exception(ConnectionError(f"a listener was sent away: {said!r}"))


async def listen(plan: dict[str, object]) -> None:
    """Opens all, says so, and counts until standard input ends.

    Args:
        plan: `host`, `port`, `path`, `listeners`, `frozen` (of them that do not read), `says` (a list of messages for
            each of some people, who are taken in turn).
    """
    loop = asyncio.get_running_loop()
    listeners, frozen, says = plan["listeners"], plan["frozen"], plan["says"]
    assert isinstance(listeners, int) and isinstance(frozen, int) and isinstance(says, list)  # noqa: PT018
    count, gate, ears = Count(listeners), asyncio.Semaphore(OPENING_AT_ONCE), []
    host, port = str(plan["host"]), int(str(plan["port"]))

    async def open_one(number: int) -> None:
        words = [json.dumps(one).encode() for one in says[number % len(says)]] if says else []
        async with gate:
            _, ear = await loop.create_connection(
                lambda: Ear(f"{host}:{port}", str(plan["path"]), words, count), host, port
            )
            await asyncio.wait_for(ear.ready, 30)
        ears.append(ear)
        if number >= listeners:
            ear.transport.pause_reading()

    await asyncio.gather(*(open_one(number) for number in range(listeners + frozen)))
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    await loop.run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    uvloop.run(listen(json.loads(sys.argv[1])))
