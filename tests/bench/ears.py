"""`python -m tests.bench.ears`: very many listeners in one process, which only count what they are told.

Each line of its output is an event's seq and the moment (time.monotonic, the same clock in every process of a machine)
when the last of them had it. It knows the WebSocket protocol by itself (RFC 6455), so that the listeners cost little.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections import Counter
from typing import cast

import uvloop

REQUEST = (
    "GET {path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
EVENT, SEQ, SUBSCRIBED = b'"type":"event"', b'"seq":', b'"type":"subscribed"'
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


class Ear(asyncio.Protocol):
    """One listener.

    Args:
        request: the request that opens it.
        says: what it says then.
        count: is told what it hears.
    """

    def __init__(self, request: bytes, says: list[bytes], count: Count) -> None:
        self._request = request
        self._says = says
        self._count = count
        self._buffer = bytearray()
        self._open = False
        self.ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Asks to be a WebSocket."""
        self.transport = cast("asyncio.Transport", transport)  # uvloop's own class is no subclass
        self.transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        """Takes the whole frames out of what has come."""
        self._buffer += data
        if not self._open:
            end = self._buffer.find(b"\r\n\r\n")
            if end < 0:
                return
            del self._buffer[: end + 4]
            self._open = True
            for text in self._says:
                self.transport.write(masked(text))
            if not self._says:
                self.ready.set_result(None)
        start = 0
        while (frame := _frame(self._buffer, start)) is not None:
            begin, start = frame
            self._hear(bytes(self._buffer[begin:start]))
        del self._buffer[:start]

    def connection_lost(self, exc: Exception | None) -> None:
        """It was cut off, or we end."""
        if not self.ready.done():
            self.ready.set_exception(ConnectionError(f"a listener was sent away: {bytes(self._buffer)!r}"))

    def _hear(self, text: bytes) -> None:
        if EVENT in text:
            begin = text.index(SEQ) + len(SEQ)
            self._count.heard(int(text[begin : text.index(b",", begin)]))
        elif SUBSCRIBED in text and not self.ready.done():
            self.ready.set_result(None)
        elif text.startswith(REFUSED) and not self.ready.done():
            self.ready.set_exception(ConnectionError(f"a listener was refused: {text!r}"))


def _frame(buffer: bytearray, start: int) -> tuple[int, int] | None:
    """Where the payload of the frame that begins there begins and ends; None when it is not complete."""
    if len(buffer) < start + 2:
        return None
    size, begin = buffer[start + 1] & 0x7F, start + 2
    if size >= 126:
        width = 2 if size == 126 else 8
        begin += width
        if len(buffer) < begin:
            return None
        size = int.from_bytes(buffer[begin - width : begin], "big")
    return (begin, begin + size) if len(buffer) >= begin + size else None


def masked(text: bytes) -> bytes:
    """A client's text frame, under 64 KiB."""
    mask = os.urandom(4)
    size = bytes([0x80 | len(text)]) if len(text) < 126 else b"\xfe" + len(text).to_bytes(2, "big")
    return b"\x81" + size + mask + bytes(byte ^ mask[number % 4] for number, byte in enumerate(text))


async def listen(plan: dict[str, object]) -> None:
    """Opens all, says so, and counts until standard input ends.

    Args:
        plan: `host`, `port`, `path`, `listeners`, `frozen`, `tokens`, `channel_id`, `after_seq`.
    """
    loop = asyncio.get_running_loop()
    listeners, frozen, tokens = plan["listeners"], plan["frozen"], plan["tokens"]
    assert isinstance(listeners, int) and isinstance(frozen, int) and isinstance(tokens, list)  # noqa: PT018
    request = REQUEST.format(path=plan["path"], host=f"{plan['host']}:{plan['port']}").encode()
    count, gate, ears = Count(listeners), asyncio.Semaphore(OPENING_AT_ONCE), []
    subscribe = {"type": "subscribe", "channel_id": plan["channel_id"], "after_seq": plan["after_seq"]}

    async def open_one(number: int) -> None:
        says = [{"type": "auth", "token": tokens[number % len(tokens)]}, subscribe] if tokens else []
        async with gate:
            _, ear = await loop.create_connection(
                lambda: Ear(request, [json.dumps(one).encode() for one in says], count),
                str(plan["host"]),
                int(str(plan["port"])),
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
