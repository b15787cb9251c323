"""Rooms: the channels that somebody of this process listens to, and how a listener gets every event once and in order.

A listener who comes with a seq is first given what lies between, from the room or from the log, and joins in the same
step in which nothing is missing any more; from then on each event is sent to all. It must not know sockets, nor how the
log is followed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from time import monotonic, time
from uuid import UUID

import msgspec

from events.enrollments import Unenrolled
from events.errors import MimoError, NotAMember, NotFound, Overloaded
from events.messages import MessageDeleted
from events.recorded import Recorded
from query_api.live import frames, measured
from query_api.live.channel_log import ChannelLog, Told
from query_api.live.exchange import NOBODY, Exchange
from query_api.live.feed import Feed
from query_api.live.listener import Listener
from query_api.live.room import RECENT_EVENTS, Room

MAX_RESUMED_EVENTS = 1_000
"""Who is further behind takes the messages over HTTP."""
PAGE_EVENTS = 100
NO_MEMBER = "Only members of the course can listen; enrol first."
NO_CHANNEL = "There is no such channel."
"""What strangers are told of a direct channel: nobody may find out who talks to whom."""
MAX_UNREAD_BYTES = 256 * 1024
"""Who is brought up is sent so much before it is waited for."""


class Rooms:
    """All rooms of this process.

    Args:
        log: asks the log.

    Attributes:
        exchange: tells other processes who is here, and hears it of them.
    """

    def __init__(self, log: ChannelLog) -> None:
        self._log = log
        self._rooms: dict[str, Room] = {}
        self._by_course: dict[str, set[Room]] = {}
        self._unsent: set[Room] = set()
        self.feed: Feed | None = None
        self.exchange = Exchange(log.rows, self._channels, self._people, self._moved_elsewhere, self._typing_elsewhere)

    def wanted(self) -> Collection[str]:
        """The keys whose events matter now: the channels."""
        return self._rooms.keys()

    async def join(self, listener: Listener, channel_id: UUID, after_seq: int) -> bool:
        """Has a listener told everything behind a seq, for as long as it stays.

        Returns:
            False: it is too far behind, or ahead, and was told so.

        Raises:
            NotFound: there is no such channel, as far as it may know.
            NotAMember: it may not listen.
            Overloaded: the database is away.
        """
        began = monotonic()
        room = await self._room(channel_id, listener)
        try:
            await asyncio.shield(room.opened)
            await self._ensure_member(room, listener)
            if joined := await self._catch_up(room, listener, after_seq):
                measured.JOINING.observe(monotonic() - began)
            return joined
        finally:
            room.joining.pop(listener, None)
            self._close_if_deserted(room)

    def leave(self, listener: Listener, channel_id: UUID) -> bool:
        """Nothing more of this channel; whether it was in it."""
        if (room := self._joined(listener, channel_id)) is None:
            return False
        room.drop(listener)
        self._close_if_deserted(room)
        return True

    def watch(self, listener: Listener, channel_id: UUID) -> None:
        """Tells somebody who has joined who is there, and who comes and goes."""
        if (room := self._joined(listener, channel_id)) is not None:
            room.crowd.watch(listener)

    def type(self, listener: Listener, channel_id: UUID) -> None:
        """Tells the others that somebody who has joined is typing."""
        room = self._joined(listener, channel_id)
        if room is not None and room.typing(listener.user_id):
            self.exchange.typed(channel_id, listener.user_id)

    def of_course(self, course_id: UUID) -> set[Listener]:
        """Who listens to a channel of a course."""
        return {listener for room in self._by_course.get(str(course_id), ()) for listener in room.listeners}

    async def hear(self, events: Sequence[Recorded]) -> None:
        """Takes events in the order of the log."""
        spoken = [event for event in events if event.key in self._rooms]
        told = dict(zip([event.position for event in spoken], await self._log.told(spoken), strict=True))
        for event in events:
            if event.position in told:
                await self._take(event, told[event.position])
            elif event.type == Unenrolled.contract.name:
                self._send()
                self._put_out(event)
        self._send()

    def begun(self) -> None:
        """See `infra.session_ends.Follower`."""

    def told(self, position: int, user_id: UUID, *, erased: bool) -> None:  # noqa: ARG002
        """See `infra.session_ends.Follower`: of the erased nothing is told any more."""
        if erased:
            for room in self._rooms.values():
                room.blank()

    def heard(self, asked_at: float) -> None:
        """See `infra.session_ends.Follower`."""

    def forget(self) -> None:
        """All rooms are of another history: they are opened anew by whoever comes."""
        for room in [*self._rooms.values()]:
            self._close(room)

    async def _room(self, channel_id: UUID, listener: Listener) -> Room:
        """The channel's room, with the listener about to join it; perhaps it is still being opened."""
        room = self._rooms.get(str(channel_id))
        if room is not None:
            room.joining[listener] = None
            return room
        home = await self._log.home_of(channel_id)
        assert self.feed is not None
        async with self.feed.between:  # wanted first, read then, so that nothing falls between
            room = self._rooms.get(str(channel_id))
            if new := room is None:
                room = self._rooms[str(channel_id)] = Room(channel_id, home, self.exchange)
                measured.ROOMS.inc()
                if home.course_id is not None:
                    self._by_course.setdefault(str(home.course_id), set()).add(room)
            room.joining[listener] = None
        if new:
            await self._open(room)
        return room

    async def _open(self, room: Room) -> None:
        try:
            room.fill(await self._log.last(room.channel_id, RECENT_EVENTS))
        except BaseException as error:
            self._close(room)
            told = error if isinstance(error, MimoError) else Overloaded("Nobody can listen to this channel now.")
            room.opened.set_exception(told)
            room.opened.exception()  # who waits for it is told; it need not be somebody
            raise
        assert self.feed is not None
        self.feed.wake()

    async def _ensure_member(self, room: Room, listener: Listener) -> None:
        if room.hears(listener):
            return
        if not await self._log.may_listen(listener.user_id, room.home) or listener not in room.joining:
            raise NotAMember(NO_MEMBER) if room.home.course_id else NotFound(NO_CHANNEL)

    async def _catch_up(self, room: Room, listener: Listener, seq: int) -> bool:
        if not 0 <= room.last_seq - seq <= MAX_RESUMED_EVENTS:
            listener.push(frames.reset(room.channel_id, room.last_seq))
            measured.RESETS.inc()
            return False
        listener.push(frames.subscribed(room.channel_id, seq))
        while (missing := room.recent_after(seq)) is None or len(_portion(missing)) < len(missing):
            if missing is None:
                missing = await self._log.after(room.channel_id, seq, PAGE_EVENTS)
            for number, frame in _portion(missing):
                if number <= room.last_seq:  # what the feed has still to bring is sent to all
                    listener.push(frame)
                    seq = number
            if not await listener.drained():
                return False
            if listener not in room.joining:
                raise NotAMember(NO_MEMBER)
        for _, frame in missing:
            listener.push(frame)
        room.enter(listener)
        return True

    async def _take(self, event: Recorded, told: Told) -> None:
        room = self._rooms.get(event.key)
        if room is None:
            return
        if not room.take(told):
            self._send()  # nobody may join a room between the taking of an event and its sending
            await self._fill_gap(room, event.version)
        self._unsent.add(room)
        measured.LAG.observe(max(0.0, time() - event.at.timestamp()))
        if event.type == MessageDeleted.contract.name:
            room.blank()

    def _send(self) -> None:
        for room in self._unsent:
            room.send()
        self._unsent.clear()

    async def _fill_gap(self, room: Room, upto: int) -> None:
        """What the feed did not bring comes from the channel itself."""
        while room.last_seq < upto and (missing := await self._log.after(room.channel_id, room.last_seq, PAGE_EVENTS)):
            for told in missing:
                room.take(told)
            room.send()

    def _put_out(self, event: Recorded) -> None:
        """Somebody left a course: nothing more is pushed to them, from this event on."""
        user_id = msgspec.json.decode(event.data, type=Unenrolled).user_id
        for room in self._by_course.get(event.key, set()).copy():
            room.joining = {one: None for one in room.joining if one.user_id != user_id or room.hears(one)}
            for listener in [one for one in room.listeners if one.user_id == user_id and not room.hears(one)]:
                room.drop(listener)
                listener.push(frames.ended(room.channel_id, "not_a_member"))
                listener.put_out(room.channel_id)
            self._close_if_deserted(room)

    def _close_if_deserted(self, room: Room) -> None:
        if room.deserted and room.opened.done():
            self._close(room)

    def _close(self, room: Room) -> None:
        if self._rooms.get(str(room.channel_id)) is room:
            del self._rooms[str(room.channel_id)]
            room.close()
            measured.ROOMS.dec()
        if (rooms := self._by_course.get(str(room.home.course_id))) is not None:
            rooms.discard(room)
            if not rooms:
                del self._by_course[str(room.home.course_id)]

    # -- other processes -------------------------------------------------------------------------------------------

    def _joined(self, listener: Listener, channel_id: UUID) -> Room | None:
        room = self._rooms.get(str(channel_id))
        return room if room is not None and listener in room.listeners else None

    def _channels(self) -> list[UUID]:
        return [room.channel_id for room in self._rooms.values()]

    def _people(self, channel_id: UUID) -> frozenset[UUID]:
        room = self._rooms.get(str(channel_id))
        return room.people() if room is not None else NOBODY

    def _moved_elsewhere(self, channels: Collection[UUID]) -> None:
        for channel_id in channels:
            if (room := self._rooms.get(str(channel_id))) is not None:
                room.crowd.moved()

    def _typing_elsewhere(self, channel_id: UUID, user_id: UUID) -> None:
        if (room := self._rooms.get(str(channel_id))) is not None:
            room.typing(user_id)


def _portion(events: Sequence[Told]) -> Sequence[Told]:
    """As many of the first events as may be sent without waiting; at least one."""
    size = 0
    for number, (_, frame) in enumerate(events):
        size += len(frame.framed)
        if size > MAX_UNREAD_BYTES and number:
            return events[:number]
    return events
