"""Live updates of a whole system: processes die and connections break, and every listener hears everything, once, in
order.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Sequence
from contextlib import suppress

import httpx2
import pytest
import websockets
from websockets.asyncio.client import ClientConnection, connect

from mimo.demo.client import Addresses, Person, Tally
from query_api.live.frames import SUBPROTOCOL
from tests.e2e.conftest import MakeSystem
from tests.system import System
from tests.until import until

PEOPLE, CHANNELS, MESSAGES, EARS_OF_EACH = 4, 3, 60, 6
BREAK_AFTER = (5, 60)
"""Events until a listener breaks its connection, at least and at most."""


class Listener:
    """Listens to all channels, and comes back whenever its connection breaks.

    Attributes:
        seqs: of every event that it was told, by channel.
    """

    def __init__(self, address: str, person: Person, channels: Sequence[str], moods: random.Random) -> None:
        self._address = address
        self._person = person
        self._moods = moods
        self.seqs: dict[str, list[int]] = {channel: [] for channel in channels}
        self.connections = 0

    async def listen(self, last: int) -> None:
        """Until it has everything."""
        while not self._has(last):
            with suppress(OSError, TimeoutError, websockets.WebSocketException):
                async with connect(f"{self._address}/v1/live", subprotocols=[SUBPROTOCOL]) as socket:  # type: ignore[list-item]
                    await self._converse(socket, last)
            await asyncio.sleep(0.05)

    async def _converse(self, socket: ClientConnection, last: int) -> None:
        self.connections += 1
        await socket.send(json.dumps({"type": "auth", "token": self._person.token}))
        for channel, seqs in self.seqs.items():
            after = seqs[-1] if seqs else 0
            await socket.send(json.dumps({"type": "subscribe", "channel_id": channel, "after_seq": after}))
        left = self._moods.randint(*BREAK_AFTER)
        while left and not self._has(last):
            told = json.loads(await socket.recv())
            if told["type"] == "event":
                self.seqs[told["channel_id"]].append(told["seq"])
                left -= 1
        socket.transport.abort()

    def _has(self, last: int) -> bool:
        return all(seqs and seqs[-1] >= last for seqs in self.seqs.values())


@pytest.mark.parametrize("options", [(), ("--kafka", "--kafka-port", "0")], ids=["embedded", "kafka"])
async def test_every_listener_hears_everything_once_whatever_is_killed(
    make_system: MakeSystem, options: tuple[str, ...]
) -> None:
    system = await asyncio.to_thread(make_system("--workers", "2", *options).start)
    moods = random.Random(7)
    async with httpx2.AsyncClient(timeout=10) as http:
        people = [await _person(http, system, number) for number in range(PEOPLE)]
        channels = [await _channel(people) for _ in range(CHANNELS)]
        address = system.query.replace("http://", "ws://")
        ears = [Listener(address, one, channels, moods) for one in people for _ in range(EARS_OF_EACH)]
        last = 1 + PEOPLE * MESSAGES
        async with asyncio.timeout(150), asyncio.TaskGroup() as tasks:
            for ear in ears:
                tasks.create_task(ear.listen(last))
            talking = [tasks.create_task(_talk(one, channels)) for one in people]
            tasks.create_task(asyncio.to_thread(_kill, system, ears, bool(options)))
            await asyncio.gather(*talking)
    for ear in ears:
        assert ear.connections > 1
        assert list(ear.seqs.values()) == [list(range(1, last + 1))] * CHANNELS


def _kill(system: System, ears: Sequence[Listener], through_kafka: bool) -> None:
    """Kills the query API twice while the listeners are in the middle, and the relay where there is one."""
    for share, package in (
        (0.2, "query_api"),
        (0.4, "infra.relay" if through_kafka else "projectors"),
        (0.6, "query_api"),
    ):
        enough = share * CHANNELS * PEOPLE * MESSAGES
        until(lambda enough=enough: sum(map(len, ears[0].seqs.values())) >= enough, "events are heard", 120)  # type: ignore[misc]
        killed = system.part(package)
        killed.kill()
        until(lambda old=killed.pid, name=package: system.part(name).pid != old, f"{package} is back")  # type: ignore[misc]


async def _person(http: httpx2.AsyncClient, system: System, number: int) -> Person:
    addresses = Addresses(system.command, system.query, 60)
    person = Person(http, addresses, Tally(), f"listener{number}@example.org", "an engine of brass")
    await person.register()
    await person.sign_in()
    return person


async def _channel(people: Sequence[Person]) -> str:
    made, _ = await people[0].do("POST", "/v1/courses", {"title": "Algebra", "description": "Letters"})
    await people[0].do("POST", f"/v1/courses/{made['course_id']}/publish")
    for person in people[1:]:
        await person.do("POST", f"/v1/courses/{made['course_id']}/enrollments")
    return str(made["channel_id"])


async def _talk(person: Person, channels: Sequence[str]) -> None:
    for number in range(MESSAGES):
        for channel in channels:
            await person.do("POST", f"/v1/channels/{channel}/messages", {"text": f"{person.name} {number}"})
