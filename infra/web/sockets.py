"""WebSockets under uvicorn that many listeners can share frames on: what is pushed is framed once, for all of them.

The server's frames are not masked, and here not compressed, so the same message is the same bytes for everybody. They
are written at once while the peer keeps up, and wait in a bounded backlog while it does not; a peer for whom too much
waits is slow, and cut off. It must not know what the messages mean.
"""

from __future__ import annotations

from asyncio import TimerHandle
from collections import deque
from typing import Any, cast

from starlette.types import Scope
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

EXTENSION = "mimo.push"
MAX_BACKLOG_BYTES = 1024 * 1024
"""Beside the transport's own buffer, of 64 KiB."""
MAX_BACKLOG_FRAMES = 1_000
MAX_MESSAGE_BYTES = 16 * 1024
"""Of a message from a client."""
SLOW = 3008
MAX_REASON_BYTES = 123  # RFC 6455, section 5.5: a control frame has 125, two are the code
ABORT_SECONDS = 5.0
"""How long a peer has to take what was written before the close."""
_TEXT = b"\x81"


def framed(text: bytes) -> bytes:
    """A whole text message in one unmasked frame (RFC 6455, section 5.2).

    Args:
        text: UTF-8.
    """
    size = len(text)
    if size < 126:
        return _TEXT + size.to_bytes(1, "big") + text
    if size < 1 << 16:
        return _TEXT + b"\x7e" + size.to_bytes(2, "big") + text
    return _TEXT + b"\x7f" + size.to_bytes(8, "big") + text


class SocketProtocol(WebSocketsSansIOProtocol):
    """uvicorn's protocol that can also be pushed to; the ASGI scope has it as an extension (`push_of`)."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._backlog: deque[bytes] = deque()
        self._backlog_bytes = 0
        self._abort: TimerHandle | None = None

    def handle_connect(self, event: Any) -> None:
        """Puts itself into the scope before the application sees it."""
        super().handle_connect(event)
        if hasattr(self, "scope"):
            cast("dict[str, Any]", self.scope["extensions"])[EXTENSION] = self

    def push(self, frame: bytes) -> None:
        """Sends a frame, or keeps it until the peer has taken those before it; what comes after the close is dropped.

        Args:
            frame: made by `framed`.
        """
        if self.close_sent or self.transport.is_closing():
            return
        if self.writable.is_set() and not self._backlog:
            self.transport.write(frame)
            return
        self._backlog.append(frame)
        self._backlog_bytes += len(frame)
        if self._backlog_bytes > MAX_BACKLOG_BYTES or len(self._backlog) > MAX_BACKLOG_FRAMES:
            self.cut_off(SLOW, "too slow")

    def offer(self, frame: bytes) -> bool:
        """Sends a frame unless others wait; whether it did."""
        if self.close_sent or self._backlog or not self.writable.is_set() or self.transport.is_closing():
            return False
        self.transport.write(frame)
        return True

    async def drained(self) -> bool:
        """Waits until the peer has taken what was pushed; False: it is gone."""
        while (self._backlog or not self.writable.is_set()) and not self.disconnected:
            await self.writable.wait()
        return not (self.disconnected or self.close_sent or self.transport.is_closing())

    def cut_off(self, code: int, reason: str) -> None:
        """Closes now, whatever the peer has not taken yet; the application hears of a disconnect.

        Args:
            code: the close code.
            reason: for people.
        """
        if self.close_sent or self.transport.is_closing():
            return
        self._forget_backlog()
        self.conn.send_close(code, reason.encode()[:MAX_REASON_BYTES].decode(errors="ignore"))
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True
        self.queue.put_nowait({"type": "websocket.disconnect", "code": code, "reason": reason})
        self._abort = self.loop.call_later(ABORT_SECONDS, self.transport.abort)
        if self.read_paused:  # the peer's own close is still to be read
            self.read_paused = False
            self.transport.resume_reading()

    def resume_writing(self) -> None:
        """The peer has taken something: what waited goes first."""
        super().resume_writing()
        while self._backlog and self.writable.is_set() and not self.transport.is_closing():
            frame = self._backlog.popleft()
            self._backlog_bytes -= len(frame)
            self.transport.write(frame)

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing waits any more."""
        self._forget_backlog()
        if self._abort is not None:
            self._abort.cancel()
        super().connection_lost(exc)

    def _forget_backlog(self) -> None:
        self._backlog.clear()
        self._backlog_bytes = 0


def push_of(scope: Scope) -> SocketProtocol:
    """What pushes to the connection of a WebSocket scope."""
    return cast("SocketProtocol", scope["extensions"][EXTENSION])
