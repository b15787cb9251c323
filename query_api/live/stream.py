"""Live updates without WebSockets: the same events as server-sent events, `GET /v1/live/events` (docs/live.md).

Source: the HTML standard, section "Server-sent events". It must not know how events come about.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from uuid import UUID

import msgspec

from events.errors import InvalidRequest, Overloaded, Rejected
from infra.web.auth import Authenticator
from infra.web.sockets import MAX_BACKLOG_BYTES, SLOW
from query_api.live import frames, measured
from query_api.live.frames import Frame
from query_api.live.listener import Listener
from query_api.live.rooms import Rooms

MAX_CHANNELS = 20
NOTHING_LEFT = 1000
Marks = Mapping[UUID, int]
"""By channel, the seq of the last event that the client has."""


def marks(texts: list[str]) -> dict[UUID, int]:
    """Reads `<channel id>:<seq>`, as parameters and Last-Event-ID have them.

    Raises:
        InvalidRequest: one cannot be read, or there are too many.
    """
    found: dict[UUID, int] = {}
    for text in texts:
        channel_id, _, seq = text.partition(":")
        try:
            found[UUID(channel_id)] = int(seq) if seq.isascii() and seq.isdigit() else -1
        except ValueError:
            raise InvalidRequest(f"{text[:100]!r} is no <channel id>:<seq>.") from None
    if any(seq < 0 for seq in found.values()):
        raise InvalidRequest("Each channel is <channel id>:<seq>.")
    if not 0 < len(found) <= MAX_CHANNELS:
        raise InvalidRequest(f"Name 1 to {MAX_CHANNELS} channels.")
    return found


class _Event(msgspec.Struct):
    """What of an event says how far the client is."""

    channel_id: UUID
    seq: int


_decoder = msgspec.json.Decoder(_Event)


class Stream(Listener):
    """One client's stream.

    Args:
        rooms: where channels are.
        authenticator: knows whether sessions go on.
        after: the channels that are listened to, and from where.
        presence: whether to tell who is in them.
    """

    def __init__(self, rooms: Rooms, authenticator: Authenticator, after: Marks, *, presence: bool) -> None:
        super().__init__(authenticator)
        self._rooms = rooms
        self._after = dict(after)
        self._presence = presence
        self._waiting: deque[Frame] = deque()
        self._waiting_bytes = 0
        self._news, self._room = asyncio.Event(), asyncio.Event()
        self._end: Frame | None = None

    def push(self, frame: Frame) -> None:
        """See `Listener`."""
        if self._end is not None:
            return
        self._waiting.append(frame)
        self._waiting_bytes += len(frame.framed)
        self._news.set()
        if self._waiting_bytes > MAX_BACKLOG_BYTES:
            self.cut_off(SLOW, "too slow")

    def offer(self, frame: Frame) -> bool:
        """See `Listener`."""
        if self._waiting_bytes > MAX_BACKLOG_BYTES // 16:
            return False
        self.push(frame)
        return True

    async def drained(self) -> bool:
        """See `Listener`."""
        while self._waiting and self._end is None:
            self._room.clear()
            await self._room.wait()
        return self._end is None

    def put_out(self, channel_id: UUID) -> None:
        """See `Listener`."""
        self._after.pop(channel_id, None)
        self._news.set()

    def cut_off(self, code: int, reason: str) -> None:
        """See `Listener`."""
        if self._end is None:
            self._end = frames.closed(code, reason)
            measured.CUT_OFF.labels(str(code)).inc()
            self._waiting.clear()
            self._news.set()
            self._room.set()

    async def events(self) -> AsyncIterator[bytes]:
        """The stream's bytes until it ends."""
        joining = asyncio.create_task(self._join(), name="live-stream-joins")
        joining.add_done_callback(lambda _: self._news.set())
        try:
            while self._end is None:
                with suppress(TimeoutError):
                    async with asyncio.timeout(frames.PING_SECONDS):
                        await self._news.wait()
                self._news.clear()
                if self._end is None:
                    yield self._taken() or b": still there\n\n"
                if joining.done() and not self._after:
                    self.cut_off(NOTHING_LEFT, "there is no channel left to listen to")
            yield b"event: closed\ndata: %b\n\n" % self._end.texts[0]
        finally:
            joining.cancel()
            for channel_id in self._after:
                self._rooms.leave(self, channel_id)

    def _taken(self) -> bytes:
        """Everything that waits, as the stream has it; each event says how far the client is with it."""
        told = []
        for text in [text for frame in self._waiting for text in frame.texts]:
            if text.startswith(frames.EVENT_BEGINS):
                event = _decoder.decode(text)
                self._after[event.channel_id] = event.seq
                told.append(b"id: %b\n" % self._id())
            told.append(b"data: %b\n\n" % text)
        self._waiting.clear()
        self._waiting_bytes = 0
        self._room.set()
        return b"".join(told)

    def _id(self) -> bytes:
        return ",".join([f"{channel_id}:{seq}" for channel_id, seq in self._after.items()]).encode()

    async def _join(self) -> None:
        for channel_id, seq in list(self._after.items()):
            try:
                if not await self._rooms.join(self, channel_id, seq):
                    self.put_out(channel_id)
                elif self._presence:
                    self._rooms.watch(self, channel_id)
            except (Rejected, Overloaded) as error:
                self.put_out(channel_id)
                self.push(frames.refused(channel_id, error.code, str(error)))
