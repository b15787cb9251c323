"""Live updates of a whole system: processes die and connections break, and every listener hears everything, once, in
order.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence

import httpx2
import psutil
import pytest

from mimo.demo.client import Addresses, Person, Tally
from tests.e2e.conftest import MakeSystem
from tests.e2e.live_listeners import Listener, SocketListener, StreamListener
from tests.system import System, children_of
from tests.until import until

PEOPLE, SPEAKERS, CHANNELS = 25, 5, 2
SOCKETS_OF_EACH, STREAMS = 7, 25
MESSAGES_BETWEEN_FAULTS = 9
"""Of each speaker in each channel, from one fault to the next."""
LISTENERS = PEOPLE * SOCKETS_OF_EACH + STREAMS
DELIVERIES = 100_000
Kill = Callable[[System], psutil.Process]


def _main(package: str) -> Kill:
    return lambda system: system.part(package)


def _worker(system: System) -> psutil.Process:
    """A worker of the query API; another one takes its place."""
    main = system.part("query_api")
    return until(lambda: [one for one in children_of(main) if "spawn_main" in " ".join(one.cmdline())], "it works")[0]


@pytest.mark.parametrize(
    ("options", "follower"),
    [((), "projectors"), (("--kafka", "--kafka-port", "0"), "infra.relay")],
    ids=["embedded", "kafka"],
)
async def test_every_listener_hears_everything_once_whatever_is_killed(
    make_system: MakeSystem, options: tuple[str, ...], follower: str
) -> None:
    system = await asyncio.to_thread(make_system("--workers", "2", *options, MIMO_RATE_LIMITS="off").start)
    moods = random.Random(7)
    kills: tuple[Kill, ...] = (_main("query_api"), _worker, _main(follower), _worker, _main("query_api"))
    events = CHANNELS * (1 + SPEAKERS * MESSAGES_BETWEEN_FAULTS * (len(kills) + 1))
    assert LISTENERS >= 200
    assert LISTENERS * events >= DELIVERIES
    limits = httpx2.Limits(max_connections=None)
    async with httpx2.AsyncClient(timeout=60, limits=limits) as http, asyncio.timeout(150):
        people = await asyncio.gather(*(_person(http, system, number) for number in range(PEOPLE)))
        channels = [await _channel(people) for _ in range(CHANNELS)]
        ears: list[Listener] = [
            SocketListener(system.query, one, channels, moods) for one in people for _ in range(SOCKETS_OF_EACH)
        ]
        ears += [StreamListener(http, system.query, people[n % PEOPLE], channels, moods) for n in range(STREAMS)]
        silence = asyncio.Event()
        async with asyncio.TaskGroup() as tasks:
            for ear in ears:
                tasks.create_task(ear.listen(events, silence))
            await _talk(people[:SPEAKERS], channels)
            for kill in kills:
                await asyncio.gather(asyncio.to_thread(_kill, system, kill), _talk(people[:SPEAKERS], channels))
            silence.set()
    for ear in ears:
        assert ear.connections > 1
        assert not ear.odd
        for seqs in ear.seqs.values():
            assert seqs == list(range(1, 1 + events // CHANNELS))


def _kill(system: System, kill: Kill) -> None:
    killed = kill(system)
    killed.kill()
    until(lambda: not killed.is_running() and kill(system).pid != killed.pid, "what was killed is back")


async def _person(http: httpx2.AsyncClient, system: System, number: int) -> Person:
    addresses = Addresses(system.command, system.query, 60)
    person = Person(http, addresses, Tally(), f"listener{number}@example.org", "an engine of brass")
    await person.register()
    await person.sign_in()
    return person


async def _channel(people: Sequence[Person]) -> str:
    made, _ = await people[0].do("POST", "/v1/courses", {"title": "Algebra", "description": "Letters"})
    await people[0].do("POST", f"/v1/courses/{made['course_id']}/publish")
    joining = (one.do("POST", f"/v1/courses/{made['course_id']}/enrollments") for one in people[1:])
    await asyncio.gather(*joining)
    return str(made["channel_id"])


async def _talk(people: Sequence[Person], channels: Sequence[str]) -> None:
    async def talk(person: Person) -> None:
        for number in range(MESSAGES_BETWEEN_FAULTS):
            for channel in channels:
                await person.do("POST", f"/v1/channels/{channel}/messages", {"text": f"{person.name} {number}"})

    await asyncio.gather(*map(talk, people))
