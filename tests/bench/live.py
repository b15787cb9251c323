"""Live updates: how soon the last of a hundred members has a message, deliveries a second to a room of a thousand, what
an idle connection costs, and what frozen listeners do to the others.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

import psutil

from tests.bench.api_client import ApiClient
from tests.bench.cluster import Cluster
from tests.bench.effort import Effort
from tests.bench.measure import Pairs, interleaved, percentile
from tests.bench.mimo_design import running_mimo
from tests.bench.processes import free_port, running, wait_until_answers
from tests.bench.school import TEXT, School, SchoolSize
from tests.bench.table import Table, whole

MEMBERS, ROOM = 100, 1_000
FROZEN = ROOM // 100
RATE = 10
"""Messages a second while latency is measured."""
SPEAKERS = 8
LISTENERS_OF_ONE = 20
SCHOOL = SchoolSize(users=2 + (ROOM + FROZEN) // LISTENERS_OF_ONE, courses=1, messages_per_channel=60, capacity=300)
PATIENCE_SECONDS = 120
Words = Sequence[Sequence[dict[str, Any]]]
"""By person, some messages."""


class NotHeard(Exception):
    """Listeners were not told in time."""


@dataclass
class Ears:
    """Listeners in a process of their own.

    Attributes:
        had: by seq, when the last of them had the event.
    """

    process: subprocess.Popen[str]
    had: dict[int, float] = field(default_factory=dict)

    def read(self) -> None:
        """Keeps what the process says until it ends."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            seq, at = line.split()
            self.had[int(seq)] = float(at)

    def wait(self, seq: int) -> float:
        """When the last of them had it.

        Raises:
            NotHeard: not in time.
        """
        deadline = time.monotonic() + PATIENCE_SECONDS
        while seq not in self.had:
            if time.monotonic() > deadline:
                raise NotHeard(f"event {seq} was not heard by everybody")
            time.sleep(0.005)
        return self.had[seq]


@contextmanager
def ears(address: str, listeners: int, frozen: int = 0, says: Words = ()) -> Iterator[Ears]:
    """Listeners that are all connected.

    Args:
        address: of the WebSocket.
        listeners: how many read.
        frozen: how many more do not.
        says: what each of some people says at once, who are taken in turn.
    """
    parts = urlsplit(address)
    plan = {
        "host": parts.hostname, "port": parts.port, "path": parts.path, "listeners": listeners, "frozen": frozen,
        "says": says,
    }  # fmt: skip
    command = [sys.executable, "-m", "tests.bench.ears", json.dumps(plan)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None and process.stdin is not None  # noqa: PT018
        if process.stdout.readline() != "ready\n":
            raise NotHeard("the listeners could not connect")
        found = Ears(process)
        reading = Thread(target=found.read, daemon=True)
        reading.start()
        try:
            yield found
        finally:
            process.stdin.close()
            reading.join()


class Room:
    """The one channel of a school."""

    def __init__(self, school: School) -> None:
        self.school = school
        self._path = f"/v1/channels/{school.channel_ids[0]}/messages"
        self._clients = [ApiClient(school.commands, school.tokens[1]) for _ in range(SPEAKERS)]

    def last_seq(self) -> int:
        """Where listeners go on."""
        return int(ApiClient(self.school.queries, self.school.tokens[1]).get(f"{self._path}?limit=1")["last_seq"])

    def say(self, speaker: int = 0) -> tuple[int, float]:
        """Says something: its seq, and when it was acknowledged."""
        answer, _ = self._clients[speaker].post(self._path, {"text": TEXT})
        return int(answer["seq"]), time.monotonic()

    @contextmanager
    def heard_by(self, listeners: int, frozen: int = 0) -> Iterator[Ears]:
        """Listeners to it."""
        said, _ = self.say()
        subscribe = {"type": "subscribe", "channel_id": self.school.channel_ids[0], "after_seq": said}
        says = [({"type": "auth", "token": token}, subscribe) for token in self.school.tokens[1:]]
        with ears(f"{self.school.queries}/v1/live", listeners, frozen, says) as found:
            yield found


def latencies(room: Room, listeners: int, messages: int, frozen: int = 0) -> list[float]:
    """Milliseconds from the acknowledgement of each message to the last listener."""
    with room.heard_by(listeners, frozen) as found:
        said = []
        for number in range(messages):
            due = time.monotonic() + 1 / RATE
            said.append(room.say(number % SPEAKERS))
            time.sleep(max(0.0, due - time.monotonic()))
        return [max(0.0, found.wait(seq) - at) * 1000 for seq, at in said]


def deliveries_of(said: list[tuple[int, float]], found: Ears, begun: float) -> float:
    """Deliveries a second, from the first word to the last ear."""
    return len(said) * ROOM / (max(found.wait(seq) for seq, _ in said) - begun)


def of_ours(room: Room, messages: int) -> float:
    """Deliveries a second of one process of the query API."""
    with room.heard_by(ROOM) as found, ThreadPoolExecutor(SPEAKERS) as threads:
        begun = time.monotonic()
        said = threads.map(lambda speaker: [room.say(speaker) for _ in range(messages // SPEAKERS)], range(SPEAKERS))
        return deliveries_of(list(chain.from_iterable(said)), found, begun)


def of_naive(base: str, messages: int) -> float:
    """Deliveries a second of a loop of sends."""
    client = ApiClient(base, "")
    with ears(f"{base}/v1/live", ROOM) as found:
        begun, said = time.monotonic(), []
        for seq in range(1, messages + 1):
            event = {
                "type": "event",
                "channel_id": "c" * 36,
                "seq": seq,
                "event": "MessageSent",
                "data": {"text": TEXT},
            }
            client.post("/say", event, expected=200)
            said.append((seq, time.monotonic()))
        return deliveries_of(said, found, begun)


def idle_kilobytes(room: Room) -> float:
    """What an idle connection adds to the query API's process."""
    process = next(one for one in psutil.process_iter() if "query_api" in _words(one) and one.children() == [])
    before = process.memory_info().rss
    with room.heard_by(ROOM):
        added: int = process.memory_info().rss - before
        return added / ROOM / 1024


def _words(process: psutil.Process) -> list[str]:
    try:
        words: list[str] = process.cmdline()
    except psutil.Error:
        return []
    return words


def run(cluster: Cluster, effort: Effort) -> list[Table]:
    """All of it, embedded and through Kafka (live updates do not pass through Kafka: it should not matter)."""
    messages = int(effort.freshness_seconds * RATE)
    rows = []
    for way, kafka in (("embedded", False), ("with Kafka beside", True)):
        with running_mimo(cluster, SCHOOL, 1, kafka=kafka) as school:
            room = Room(school)
            rows.append(_latency_row(f"{MEMBERS} members, {way}", latencies(room, MEMBERS, messages)))
            if kafka:
                continue
            idle = idle_kilobytes(room)
            rows.append(_latency_row(f"{ROOM} members", latencies(room, ROOM, messages)))
            rows.append(_latency_row(f"{ROOM} members and {FROZEN} frozen", latencies(room, ROOM, messages, FROZEN)))
            pairs = _fan_out(cluster, room, effort)
    title = f"From the acknowledgement of a message to the last member, {RATE} messages/s"
    latency = Table("live-latency", title, ("room", "messages", "p50 ms", "p99 ms"), rows)
    ratio = pairs.ratio(lambda deliveries: deliveries)
    fan_out = Table(
        "live-fan-out",
        f"Fan-out to {ROOM} listeners, one process",
        ("what", "ours", "a loop of sends", "ratio"),
        [
            ["deliveries/s", whole(max(pairs.ours)), whole(max(pairs.other)), str(ratio)],
            ["kB an idle connection", f"{idle:.0f}", "–", "–"],
        ],
    )
    return [latency, fan_out]


def _latency_row(name: str, milliseconds: list[float]) -> list[str]:
    figures = (percentile(milliseconds, 0.5), percentile(milliseconds, 0.99))
    return [name, str(len(milliseconds)), *(f"{figure:.1f}" for figure in figures)]


def _fan_out(cluster: Cluster, room: Room, effort: Effort) -> Pairs[float]:
    port, log_file = free_port(), cluster.folder / "naive.log"
    command = [sys.executable, "-m", "tests.bench.naive_room", str(port)]
    messages = int(effort.freshness_seconds * RATE)
    with running(command, {}, log_file) as process:
        wait_until_answers(process, port, "/docs", log_file)
        naive = f"http://127.0.0.1:{port}"
        return interleaved(effort.long_rounds, lambda: of_ours(room, messages), lambda: of_naive(naive, messages))
