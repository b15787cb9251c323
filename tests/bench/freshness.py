"""How long after its acknowledgement a message is readable, while the system carries half of what it can.

Seen in two ways: a read with the command's bookmark, which waits on the server; and reading again and again.
"""

from __future__ import annotations

import random
import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

from tests.bench import wrk
from tests.bench.api_client import ApiClient
from tests.bench.cluster import Cluster
from tests.bench.effort import Effort
from tests.bench.http_load import WORKERS, send_message
from tests.bench.measure import percentile
from tests.bench.mimo_design import running_mimo
from tests.bench.school import TEXT, School, SchoolSize
from tests.bench.table import Table, whole
from tests.bench.wrk import Load

CONNECTIONS = 64
LONGEST_WAIT_SECONDS = 10
LONGEST_PAUSE_SECONDS = 0.02
TARGET = "p99 ≤ 50 ms"
TARGET_THROUGH_KAFKA = "p99 ≤ 100 ms"


class NotReadable(Exception):
    """A message that was acknowledged could not be read in time."""


@dataclass
class Prober:
    """Sends messages to one channel and follows each to the list of messages."""

    school: School
    by_bookmark: list[float] = field(default_factory=list)
    by_polling: list[float] = field(default_factory=list)
    plain_read: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        token = self.school.tokens[1]
        self._commands = ApiClient(self.school.commands, token)
        self._queries = ApiClient(self.school.queries, token)
        self._channel = f"/v1/channels/{self.school.channel_ids[0]}/messages"
        self._newest = f"{self._channel}?limit=1"

    def probe(self) -> None:
        """Time both ways once, in milliseconds, and a read that waits for nothing."""
        sent, headers = self._commands.post(self._channel, {"text": TEXT})
        acknowledged = time.perf_counter()
        wanted = {"Mimo-Bookmark": headers["mimo-bookmark"], "Prefer": f"wait={LONGEST_WAIT_SECONDS}"}
        seen = self._queries.get(self._newest, wanted)["last_seq"]
        self.by_bookmark.append((time.perf_counter() - acknowledged) * 1000)
        if seen < sent["seq"]:
            raise NotReadable(f"a read with the bookmark of message {sent['seq']} showed only {seen}")
        self._poll()
        started = time.perf_counter()
        self._queries.get(self._newest)
        self.plain_read.append((time.perf_counter() - started) * 1000)

    def _poll(self) -> None:
        sent, _ = self._commands.post(self._channel, {"text": TEXT})
        acknowledged = time.perf_counter()
        while self._queries.get(self._newest)["last_seq"] < sent["seq"]:
            if time.perf_counter() - acknowledged > LONGEST_WAIT_SECONDS:
                raise NotReadable(f"message {sent['seq']} did not appear")
        self.by_polling.append((time.perf_counter() - acknowledged) * 1000)


def at_half_load(school: School, most: Load, effort: Effort) -> tuple[Prober, Load]:
    """Probe beside a load of half the messages per second that `most` reached."""
    delay_ms = CONNECTIONS * 1000 / (most.requests_per_second / 2) - most.p50_ms / 2
    prober = Prober(school)
    with ThreadPoolExecutor(1) as threads:
        background: Future[Load] = threads.submit(
            wrk.run,
            school.commands,
            send_message(school),
            CONNECTIONS,
            effort.freshness_seconds,
            delay_ms=max(1.0, delay_ms),
        )
        while not background.done():
            prober.probe()
            time.sleep(random.random() * LONGEST_PAUSE_SECONDS)
        return prober, background.result()


def run(cluster: Cluster, effort: Effort) -> list[Table]:
    """Both ways of the log to the views, one after the other."""
    return [measured(cluster, effort, kafka=False), measured(cluster, effort, kafka=True)]


def measured(cluster: Cluster, effort: Effort, *, kafka: bool) -> Table:
    """Find the most messages per second, then probe at half of it."""
    wrk.require_wrk()
    target = TARGET_THROUGH_KAFKA if kafka else TARGET
    with running_mimo(cluster, SchoolSize(), WORKERS, kafka=kafka) as school:
        most = wrk.run(school.commands, send_message(school), CONNECTIONS, effort.http_seconds)
        prober, carried = at_half_load(school, most, effort)
    rows = [
        [name, str(len(figures)), f"{percentile(figures, 0.5):.1f}", f"{percentile(figures, 0.99):.1f}", wanted]
        for name, figures, wanted in (
            ("read with the command's bookmark", prober.by_bookmark, target),
            ("reading again and again", prober.by_polling, target),
            ("a read that waits for nothing", prober.plain_read, "–"),
        )
    ]
    way = "Freshness through Kafka" if kafka else "Freshness"
    title = (
        f"{way} at {whole(carried.requests_per_second)} messages/s (at most {whole(most.requests_per_second)})"
        ", from acknowledgement to the answer"
    )
    name = "freshness-kafka" if kafka else "freshness"
    return Table(name, title, ("way", "probes", "p50 ms", "p99 ms", "target"), rows)
