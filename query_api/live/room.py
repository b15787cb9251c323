"""One room: a channel that somebody of this process listens to, its last events ready to be sent, and who is in it.

Each event is sent to all once and in order; several that came together are sent as one. It must not know sockets, nor
how the log is followed.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from time import monotonic
from uuid import UUID

from query_api.live import frames, measured
from query_api.live.channel_log import Home, Told
from query_api.live.crowd import Crowd
from query_api.live.exchange import Exchange
from query_api.live.frames import Frame
from query_api.live.listener import Listener

RECENT_EVENTS = 200
MAX_SENT_BYTES = 64 * 1024
"""Of events that are sent as one: a transport's own buffer, behind which the bounded backlog begins."""
MAX_TYPISTS = 5
"""Of so many people a room is told within a second that they are typing; of others only later."""


class Room:
    """One channel.

    Args:
        channel_id: which.
        home: whose it is, and so who may listen.
        exchange: knows who is in it in other processes, and tells them who is here.

    Attributes:
        last_seq: of the last event that was taken.
        listeners: to whom everything is sent.
        joining: who is about to be.
        opened: done once it has its last events.
        crowd: tells who is here.
    """

    def __init__(self, channel_id: UUID, home: Home, exchange: Exchange) -> None:
        self.channel_id = channel_id
        self.home = home
        self.last_seq = 0
        self.listeners: dict[Listener, None] = {}
        self.joining: dict[Listener, None] = {}
        self.opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.crowd = Crowd(channel_id, lambda: self.people().union(exchange.elsewhere.people(channel_id)))
        self._exchange = exchange
        self._recent: deque[Told] = deque(maxlen=RECENT_EVENTS)
        self._early: list[Told] = []
        self._unsent: list[Frame] = []
        self._unsent_bytes = 0
        self._typists: set[UUID] = set()
        self._typists_until = 0.0

    def fill(self, last: Sequence[Told]) -> None:
        """Opens it with the channel's last events; what came in meanwhile follows on."""
        self._recent.extend(last)
        self.last_seq = last[-1][0]
        self.opened.set_result(None)
        early, self._early = self._early, []
        for told in early:
            self.take(told)
        self.send()

    def take(self, told: Told) -> bool:
        """Takes an event once; `send` it, with others, before anything else is waited for.

        Returns:
            False: one before it is missing.
        """
        seq, frame = told
        if not self.opened.done():
            self._early.append(told)
            return True
        if seq <= self.last_seq:
            return True
        if seq != self.last_seq + 1:
            return False
        self.last_seq = seq
        self._recent.append(told)
        if self._unsent_bytes + len(frame.framed) > MAX_SENT_BYTES:
            self.send()
        self._unsent.append(frame)
        self._unsent_bytes += len(frame.framed)
        return True

    def send(self) -> None:
        """Sends to all what was taken."""
        if not self._unsent:
            return
        events, frame = len(self._unsent), frames.joined(self._unsent)
        self._unsent, self._unsent_bytes = [], 0
        for listener in self.listeners:
            listener.push(frame)
        measured.sent(events, len(frame.framed), len(self.listeners))

    def recent_after(self, seq: int) -> list[Told] | None:
        """The events behind a seq; None when some of them are not at hand."""
        if seq < self.last_seq and (not self._recent or self._recent[0][0] > seq + 1):
            return None
        return [told for told in self._recent if told[0] > seq]

    def blank(self) -> None:
        """Something that was said may not be told any more: what is at hand is read anew when it is asked for."""
        self._recent.clear()

    def people(self) -> frozenset[UUID]:
        """Who is in it through this process."""
        return frozenset([listener.user_id for listener in self.listeners])

    def typing(self, user_id: UUID) -> bool:
        """Tells all others that somebody is typing; whether there was room for it now."""
        now = monotonic()
        if now >= self._typists_until:
            self._typists.clear()
            self._typists_until = now + 1
        if user_id in self._typists or len(self._typists) >= MAX_TYPISTS:
            return False
        self._typists.add(user_id)
        frame = frames.typing(self.channel_id, user_id)
        for listener in self.listeners:
            if listener.user_id != user_id:
                listener.offer(frame)
        measured.TYPING.inc()
        return True

    def enter(self, listener: Listener) -> None:
        """From now on it is sent everything."""
        self.listeners[listener] = None
        measured.LISTENERS.inc()
        self._moved()

    def drop(self, listener: Listener) -> None:
        """From now on it is sent nothing."""
        self.crowd.ignore(listener)
        del self.listeners[listener]
        measured.LISTENERS.dec()
        self._moved()

    def close(self) -> None:
        """Nobody is told anything by it any more."""
        for listener in [*self.listeners]:
            self.drop(listener)

    def hears(self, listener: Listener) -> bool:
        """Whether somebody may listen without being a member: admins, but not to what two people say to each other."""
        return listener.hears_all and self.home.course_id is not None

    @property
    def deserted(self) -> bool:
        """Whether nobody is in it or about to be."""
        return not self.listeners and not self.joining

    def _moved(self) -> None:
        self.crowd.moved()
        self._exchange.moved(self.channel_id)
