"""One WebSocket connection to `/v1/live`: what the client says, and what is done about it (docs/live.md).

It must not know how events come about.
"""

from __future__ import annotations

import asyncio
from time import monotonic
from uuid import UUID

from starlette.websockets import WebSocket

from events.errors import Overloaded, Rejected, Unauthenticated
from infra.web.auth import Authenticator
from infra.web.sockets import SocketProtocol, push_of
from query_api.live import frames
from query_api.live.frames import Auth, Frame, NotUnderstood, Said, Subscribe, Typing, Unsubscribe
from query_api.live.listener import NOT_SIGNED_IN, NOT_UNDERSTOOD, TRY_AGAIN, UNCERTAIN, Ended, Listener
from query_api.live.rooms import Rooms

AUTH_SECONDS = 10.0
MAX_CHANNELS = 200
TYPING_SECONDS = 2.0
"""Somebody who types is told of so often at most."""


class Connection(Listener):
    """A client that is connected.

    Args:
        socket: accepted.
        rooms: where channels are.
        authenticator: checks tokens.
    """

    def __init__(self, socket: WebSocket, rooms: Rooms, authenticator: Authenticator) -> None:
        super().__init__(authenticator)
        self._socket = socket
        self._rooms = rooms
        self._wire: SocketProtocol = push_of(socket.scope)
        self._channels: dict[UUID, float] = {}
        """By channel, when it may be told next that its person is typing."""
        self._beat: asyncio.TimerHandle | None = None
        self._pushed = False

    def push(self, frame: Frame) -> None:
        """See `Listener`."""
        self._pushed = True
        self._wire.push(frame.framed)

    def offer(self, frame: Frame) -> bool:
        """See `Listener`."""
        return self._wire.offer(frame.framed)

    async def drained(self) -> bool:
        """See `Listener`."""
        return await self._wire.drained()

    def put_out(self, channel_id: UUID) -> None:
        """See `Listener`."""
        self._channels.pop(channel_id, None)

    def cut_off(self, code: int, reason: str) -> None:
        """See `Listener`."""
        self._wire.cut_off(code, reason)

    async def authenticate(self) -> None:
        """Waits for the first message.

        Raises:
            Ended: it is not a valid `auth` in time.
        """
        try:
            async with asyncio.timeout(AUTH_SECONDS):
                first = await self._next()
        except TimeoutError:
            raise Ended(NOT_SIGNED_IN, f"no auth within {AUTH_SECONDS:g} s") from None
        if not isinstance(first, Auth):
            raise Ended(NOT_SIGNED_IN, "the first message must be auth")
        await self._sign_in(first)

    async def converse(self) -> None:
        """Does what the client says until it goes.

        Raises:
            Ended: always; it says how.
        """
        self._keep_beating()
        while True:
            match await self._next():
                case Auth() as auth:
                    await self._sign_in(auth)
                case Subscribe() as subscribe:
                    await self._subscribe(subscribe)
                case Unsubscribe(channel_id):
                    self._channels.pop(channel_id, None)
                    if self._rooms.leave(self, channel_id):
                        self.push(frames.ended(channel_id, "unsubscribed"))
                case Typing(channel_id):
                    self._type(channel_id)

    def close(self) -> None:
        """See `Listener`."""
        super().close()
        if self._beat is not None:
            self._beat.cancel()
        for channel_id in self._channels:
            self._rooms.leave(self, channel_id)

    async def _next(self) -> Said:
        message = await self._socket.receive()
        if message["type"] == "websocket.disconnect":
            raise Ended(message.get("code", 1000), message.get("reason") or "")
        if (text := message.get("text")) is None:
            raise Ended(NOT_UNDERSTOOD, "messages are text")
        try:
            return frames.said(text)
        except NotUnderstood as error:
            raise Ended(NOT_UNDERSTOOD, str(error)) from None

    async def _sign_in(self, auth: Auth) -> None:
        try:
            self.signed_in(await self.authenticator.caller(b"Bearer " + auth.token.encode()))
        except Unauthenticated as error:
            raise Ended(NOT_SIGNED_IN, str(error)) from None
        except Overloaded:
            raise Ended(TRY_AGAIN, UNCERTAIN) from None
        self.push(frames.ready(self.user_id, self.caller.expires_at))

    async def _subscribe(self, wish: Subscribe) -> None:
        channel_id = wish.channel_id
        if channel_id in self._channels:  # anew, from another place
            del self._channels[channel_id]
            self._rooms.leave(self, channel_id)
        if len(self._channels) >= MAX_CHANNELS:
            self.push(frames.refused(channel_id, "invalid_request", f"At most {MAX_CHANNELS} channels at a time."))
            return
        try:
            if await self._rooms.join(self, channel_id, wish.after_seq):
                self._channels[channel_id] = 0.0
                if wish.presence:
                    self._rooms.watch(self, channel_id)
        except (Rejected, Overloaded) as error:
            self.push(frames.refused(channel_id, error.code, str(error)))

    def _type(self, channel_id: UUID) -> None:
        """Tells that its person is typing, but not too often."""
        now = monotonic()
        if now >= self._channels.get(channel_id, float("inf")):
            self._channels[channel_id] = now + TYPING_SECONDS
            self._rooms.type(self, channel_id)

    def _keep_beating(self) -> None:
        """Something is sent at least so often, so that the client knows that it is still connected."""
        if not self._pushed:
            self._wire.push(frames.PING.framed)
        self._pushed = False
        self._beat = asyncio.get_running_loop().call_later(frames.PING_SECONDS, self._keep_beating)
