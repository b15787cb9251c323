"""WebSocket clients that cost little, so that very many fit into one process (RFC 6455).

They know whole, short frames only, as our server sends them.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from typing import cast

TEXT, CLOSE, PING, PONG = 0x1, 0x8, 0x9, 0xA
_FINAL, _MASKED = 0x80, 0x80
_REQUEST = (
    "GET {path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


def masked(payload: bytes, opcode: int = TEXT) -> bytes:
    """A client's frame, under 64 KiB."""
    mask = os.urandom(4)
    size = bytes([_MASKED | len(payload)]) if len(payload) < 126 else b"\xfe" + len(payload).to_bytes(2, "big")
    body = bytes(byte ^ mask[number % 4] for number, byte in enumerate(payload))
    return bytes([_FINAL | opcode]) + size + mask + body


class LightSocket(asyncio.Protocol):
    """A connection that says something as soon as it is open, and then listens; override `heard` and `gone`.

    Args:
        host: the server, `host:port`.
        path: what is asked for.
        says: the messages that are said at once.
    """

    def __init__(self, host: str, path: str, says: list[bytes]) -> None:
        self._request = _REQUEST.format(path=path, host=host).encode()
        self._says = says
        self._buffer = bytearray()
        self._open = False

    def opened(self) -> None:
        """It is a WebSocket now."""

    def heard(self, text: bytes) -> None:
        """It was told a message."""

    def gone(self, said: bytes) -> None:
        """The connection is lost.

        Args:
            said: what came and was no whole frame, such as the answer of a server that refuses.
        """

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
            if not self._buffer.startswith(b"HTTP/1.1 101"):
                self.transport.abort()
                return
            del self._buffer[: end + 4]
            self._open = True
            self.transport.writelines([masked(text) for text in self._says])
            self.opened()
        start = 0
        for opcode, begin, end in _frames(self._buffer):
            start = end
            if opcode == TEXT:
                self.heard(bytes(self._buffer[begin:end]))
            elif opcode == PING:
                self.transport.write(masked(bytes(self._buffer[begin:end]), PONG))
            elif opcode == CLOSE:
                self.transport.abort()
        del self._buffer[:start]

    def connection_lost(self, exc: Exception | None) -> None:
        """It was ended, by whomever."""
        self.gone(bytes(self._buffer))


def _frames(buffer: bytearray) -> Iterator[tuple[int, int, int]]:
    """Of each complete frame its opcode, and where its payload begins and ends."""
    start = 0
    while len(buffer) >= start + 2:
        size, begin = buffer[start + 1] & 0x7F, start + 2
        if size >= 126:
            width = 2 if size == 126 else 8
            begin += width
            size = int.from_bytes(buffer[begin - width : begin], "big") if len(buffer) >= begin else len(buffer)
        if len(buffer) < begin + size:
            return
        yield buffer[start] & 0x0F, begin, begin + size
        start = begin + size
