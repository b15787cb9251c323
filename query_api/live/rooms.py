"""Rooms: the channels that somebody of this process listens to, and how a listener gets every event once and in order.

A room holds the last events ready to be sent. A listener who comes with a seq is first given what lies between, from
the room or from the log, and joins in the same step in which nothing is missing any more; from then on each event is
pushed to all. It must not know sockets, nor how the log is followed.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Collection, Sequence
from uuid import UUID

import msgspec

from events.enrollments import Unenrolled
from events.errors import MimoError, NotAMember, Overloaded
from events.messages import MessageDeleted
from events.recorded import Recorded
from query_api.live import frames
from query_api.live.channel_log import ChannelLog, Told
from query_api.live.feed import Feed
from query_api.live.frames import Frame
from query_api.live.listener import Listener

RECENT_EVENTS = 200
MAX_RESUMED_EVENTS = 1_000
"""Who is further behind takes the messages over HTTP."""
PAGE_EVENTS = 100


class Room:
    """One channel.

    Attributes:
        channel_id: which.
        course_id: whose members may listen.
        last_seq: of the last event that was pushed.
        listeners: to whom everything is pushed.
    """

    def __init__(self, channel_id: UUID, course_id: UUID) -> None:
        self.channel_id = channel_id
        self.course_id = course_id
        self.last_seq = 0
        self.listeners: dict[Listener, None] = {}
        self.joining: dict[Listener, None] = {}
        self.opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._recent: deque[Told] = deque(maxlen=RECENT_EVENTS)
        self._early: list[Told] = []

    def fill(self, last: Sequence[Told]) -> None:
        """Opens it with the channel's last events; what came in meanwhile follows on."""
        self._recent.extend(last)
        self.last_seq = last[-1][0]
        self.opened.set_result(None)
        early, self._early = self._early, []
        for told in early:
            self.take(told)

    def take(self, told: Told) -> bool:
        """Pushes an event to all, once.

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
        for listener in self.listeners:
            listener.push(frame)
        return True

    def recent_after(self, seq: int) -> list[Frame] | None:
        """The frames behind a seq; None when some of them are not at hand."""
        if seq < self.last_seq and (not self._recent or self._recent[0][0] > seq + 1):
            return None
        return [frame for number, frame in self._recent if number > seq]

    def blank(self) -> None:
        """Something that was said may not be told any more: what is at hand is read anew when it is asked for."""
        self._recent.clear()

    @property
    def deserted(self) -> bool:
        """Whether nobody is in it or about to be."""
        return not self.listeners and not self.joining


class Rooms:
    """All rooms of this process.

    Args:
        log: asks the log.
    """

    def __init__(self, log: ChannelLog) -> None:
        self._log = log
        self._rooms: dict[str, Room] = {}
        self._by_course: dict[str, set[Room]] = {}
        self.feed: Feed | None = None

    def wanted(self) -> Collection[str]:
        """The keys whose events matter now: the channels, and the courses for who leaves them."""
        return [*self._rooms, *self._by_course]

    async def join(self, listener: Listener, channel_id: UUID, after_seq: int) -> bool:
        """Has a listener told everything behind a seq, for as long as it stays.

        Returns:
            False: it is too far behind, or ahead, and was told so.

        Raises:
            NotFound: there is no such channel.
            NotAMember: it may not listen.
            Overloaded: the database is away.
        """
        room = await self._room(channel_id, listener)
        try:
            await asyncio.shield(room.opened)
            await self._ensure_member(room, listener)
            return await self._catch_up(room, listener, after_seq)
        finally:
            room.joining.pop(listener, None)
            self._close_if_deserted(room)

    def leave(self, listener: Listener, channel_id: UUID) -> bool:
        """Nothing more of this channel; whether it was in it."""
        room = self._rooms.get(str(channel_id))
        if room is None or listener not in room.listeners:
            return False
        del room.listeners[listener]
        self._close_if_deserted(room)
        return True

    async def hear(self, events: Sequence[Recorded]) -> None:
        """Takes events in the order of the log."""
        spoken = [event for event in events if event.key in self._rooms]
        told = dict(zip([event.position for event in spoken], await self._log.told(spoken), strict=True))
        for event in events:
            if event.position in told:
                room = self._rooms.get(event.key)
                if room is None:
                    continue
                if not room.take(told[event.position]):
                    await self._fill_gap(room, event.version)
                if event.type == MessageDeleted.contract.name:
                    room.blank()
            elif event.type == Unenrolled.contract.name:
                self._put_out(event)

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
        self._rooms.clear()
        self._by_course.clear()

    async def _room(self, channel_id: UUID, listener: Listener) -> Room:
        """The channel's room, with the listener about to join it; perhaps it is still being opened."""
        room = self._rooms.get(str(channel_id))
        if room is not None:
            room.joining[listener] = None
            return room
        course_id = await self._log.course_of(channel_id)
        assert self.feed is not None
        async with self.feed.between:  # wanted first, read then, so that nothing falls between
            room = self._rooms.get(str(channel_id))
            if new := room is None:
                room = self._rooms[str(channel_id)] = Room(channel_id, course_id)
                self._by_course.setdefault(str(course_id), set()).add(room)
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
        if listener.hears_all:
            return
        if not await self._log.may_listen(listener.user_id, room.course_id) or listener not in room.joining:
            raise NotAMember("Only members of the course can listen; enrol first.")

    async def _catch_up(self, room: Room, listener: Listener, seq: int) -> bool:
        if not 0 <= room.last_seq - seq <= MAX_RESUMED_EVENTS:
            listener.push(frames.reset(room.channel_id, room.last_seq))
            return False
        listener.push(frames.subscribed(room.channel_id, seq))
        while (recent := room.recent_after(seq)) is None:
            for number, frame in await self._log.after(room.channel_id, seq, PAGE_EVENTS):
                if number <= room.last_seq:  # what the feed has still to bring is pushed to all
                    listener.push(frame)
                    seq = number
            if not await listener.drained():
                return False
            if listener not in room.joining:
                raise NotAMember("Only members of the course can listen; enrol first.")
        for frame in recent:
            listener.push(frame)
        room.listeners[listener] = None
        return True

    async def _fill_gap(self, room: Room, upto: int) -> None:
        """What the feed did not bring comes from the channel itself."""
        while room.last_seq < upto and (missing := await self._log.after(room.channel_id, room.last_seq, PAGE_EVENTS)):
            for told in missing:
                room.take(told)

    def _put_out(self, event: Recorded) -> None:
        """Somebody left a course: nothing more is pushed to them, from this event on."""
        user_id = msgspec.json.decode(event.data, type=Unenrolled).user_id
        for room in self._by_course.get(event.key, set()).copy():
            room.joining = {one: None for one in room.joining if one.user_id != user_id or one.hears_all}
            for listener in [one for one in room.listeners if one.user_id == user_id and not one.hears_all]:
                del room.listeners[listener]
                listener.push(frames.ended(room.channel_id, "not_a_member"))
                listener.put_out(room.channel_id)
            self._close_if_deserted(room)

    def _close_if_deserted(self, room: Room) -> None:
        if room.deserted and room.opened.done():
            self._close(room)

    def _close(self, room: Room) -> None:
        if self._rooms.get(str(room.channel_id)) is room:
            del self._rooms[str(room.channel_id)]
        if (rooms := self._by_course.get(str(room.course_id))) is not None:
            rooms.discard(room)
            if not rooms:
                del self._by_course[str(room.course_id)]
