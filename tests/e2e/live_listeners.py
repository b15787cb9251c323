"""Listeners that lose their connections in every way, come back, and keep the seq of each event that they were told."""

from __future__ import annotations

import asyncio
import json
import random
from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import suppress
from urllib.parse import urlsplit

import httpx2

from mimo.demo.client import Person
from tests.light_socket import LightSocket

EVENT = '{"type":"event","channel_id":"'
SEQ_AT = len(EVENT) + 36 + len('","seq":')
ODD = ('{"type":"reset"', '{"type":"refused"', '{"type":"ended"')
COME_AGAIN = '"code":"overloaded"'
BREAK_AFTER = (20, 200)
"""Events until a listener breaks its connection, at least and at most."""
LONG_SECONDS = (1.0, 4.0)
"""How long a listener stays away that stays away for long."""
BREATH_SECONDS = 0.05


class Listener(ABC):
    """Listens to all channels, and comes back whenever its connection breaks.

    Attributes:
        seqs: of every event that it was told, by channel.
        connections: how many it has had.
        odd: what it was told that must not be.
    """

    def __init__(self, person: Person, channels: Sequence[str], moods: random.Random) -> None:
        self.person = person
        self.seqs: dict[str, list[int]] = {channel: [] for channel in channels}
        self.connections = 0
        self.odd: list[str] = []
        self._moods = moods
        self._left = 0

    @property
    def heard(self) -> int:
        """How many events it was told."""
        return sum(map(len, self.seqs.values()))

    async def listen(self, all_of_them: int, silence: asyncio.Event) -> None:
        """Until it has been told so many events.

        Args:
            all_of_them: how many there are.
            silence: nothing more is said, and nobody stays away.
        """
        try:
            while self.heard < all_of_them:
                self.connections += 1
                self._left = self._moods.randint(*BREAK_AFTER)
                with suppress(OSError, TimeoutError, httpx2.HTTPError):
                    await self._converse(all_of_them)
                away = self._moods.uniform(*LONG_SECONDS) if self._moods.random() < 0.2 else BREATH_SECONDS
                with suppress(TimeoutError):
                    async with asyncio.timeout(away):
                        await silence.wait()
        finally:
            self.end()

    @abstractmethod
    def end(self) -> None:
        """Ends what is left open."""

    @abstractmethod
    async def _converse(self, all_of_them: int) -> None:
        """Has one connection until it breaks, or all was told."""

    def take(self, text: str) -> bool:
        """Takes a message; False: it is time to break off."""
        if text.startswith(EVENT):
            self.seqs[text[len(EVENT) : len(EVENT) + 36]].append(int(text[SEQ_AT : text.index(",", SEQ_AT)]))
            self._left -= 1
        elif text.startswith(ODD):
            if COME_AGAIN not in text:
                self.odd.append(text)
            return False
        return self._left > 0


class Wire(LightSocket):
    """One connection of a listener: ends when it is time to break off, or when all was told."""

    def __init__(self, host: str, says: list[bytes], listener: Listener, all_of_them: int) -> None:
        super().__init__(host, "/v1/live", says)
        self._listener = listener
        self._all = all_of_them
        self.over = asyncio.Event()

    def heard(self, text: bytes) -> None:
        """What comes after it is over is not taken: the listener does not have it."""
        if not self.over.is_set() and (not self._listener.take(text.decode()) or self._listener.heard >= self._all):
            self.over.set()

    def gone(self, said: bytes) -> None:
        """The other end broke it."""
        self.over.set()


class SocketListener(Listener):
    """Listens over WebSockets. Some connections it only stops reading: nobody tells the server that they are dead."""

    def __init__(self, address: str, person: Person, channels: Sequence[str], moods: random.Random) -> None:
        super().__init__(person, channels, moods)
        self._host = urlsplit(address).netloc
        self._half_open: Wire | None = None

    async def _converse(self, all_of_them: int) -> None:
        subscriptions = [
            {"type": "subscribe", "channel_id": channel, "after_seq": seqs[-1] if seqs else 0}
            for channel, seqs in self.seqs.items()
        ]
        says = [json.dumps(one).encode() for one in ({"type": "auth", "token": self.person.token}, *subscriptions)]
        host, _, port = self._host.partition(":")
        _, wire = await asyncio.get_running_loop().create_connection(
            lambda: Wire(self._host, says, self, all_of_them), host, int(port)
        )
        try:
            await wire.over.wait()
            if self._half_open is None and not wire.transport.is_closing() and self._moods.random() < 0.3:
                wire.transport.pause_reading()
                self._half_open = wire
        finally:
            if wire is not self._half_open:
                wire.transport.abort()

    def end(self) -> None:
        """Ends what is left open."""
        if self._half_open is not None:
            self._half_open.transport.abort()


class StreamListener(Listener):
    """Listens to the event stream, and goes on by its last id."""

    def __init__(self, http: httpx2.AsyncClient, address: str, person: Person, channels: Sequence[str],
                 moods: random.Random) -> None:  # fmt: skip
        super().__init__(person, channels, moods)
        self._http = http
        self._address = f"{address}/v1/live/events"
        self._last_id = ""

    def end(self) -> None:
        """Nothing is left open."""

    async def _converse(self, all_of_them: int) -> None:
        headers = {"authorization": f"Bearer {self.person.token}"}
        if self._last_id:
            headers["last-event-id"] = self._last_id
        marks = {"channel": [f"{channel}:0" for channel in self.seqs]}
        last_id = self._last_id
        async with self._http.stream("GET", self._address, params=marks, headers=headers) as answer:
            async for line in answer.aiter_lines():
                if line.startswith("id: "):
                    last_id = line[4:]
                elif line.startswith("data: "):
                    goes_on = self.take(line[6:])
                    self._last_id = last_id  # an id counts once its data is there
                    if not goes_on or self.heard >= all_of_them:
                        return
