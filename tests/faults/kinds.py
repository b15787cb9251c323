"""The faults: what is done to the running product, and who is not the same process afterwards.

Each ends by itself: what it stopped it lets go on, what it killed is started again by the product's own supervisor (or,
for what is killed as a whole, by a new `mimo up`). Nobody's hand helps otherwise.
"""

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from subprocess import DEVNULL

import psutil

from events.catalog import TOPICS
from infra.kafka.topics import delete_topics
from infra.processes import send
from projectors.views import PROJECTIONS
from tests.faults.load import Load
from tests.faults.pipeline import end_of, reached
from tests.faults.product import BROKER, COMMAND, PARTS, POSTGRES, PROJECTOR, QUERY, RELAY, WORKERS, Product
from tests.system import ROOT, children_of, run_mimo
from tests.until import until

KILLED_AT_ONCE = (BROKER, RELAY, PROJECTOR, COMMAND, QUERY, POSTGRES)
TAKE_OVER_SECONDS = 30.0
SUSPENDED_SECONDS = (7.0, 20.0)
HOLD_DOWN_SECONDS = 0.05
REPLAYED_SECONDS = (1.0, 6.0)
VIEWS = tuple(projection.name for projection in PROJECTIONS)


@dataclass(frozen=True)
class Scene:
    """What a fault happens to.

    Attributes:
        product: the running system.
        load: what uses it.
        chance: decides what the fault leaves open.
        outage_seconds: how long something is away that does not come back at once.
    """

    product: Product
    load: Load
    chance: random.Random
    outage_seconds: float


@dataclass(frozen=True)
class Struck:
    """A fault that is over.

    Attributes:
        replaced: the names (of `Product.pids`) of what is a new process now.
        detail: what chance decided, in words.
        ended_at: monotonic seconds.
        excused: the names of what may be a new process.
    """

    replaced: frozenset[str]
    detail: str
    ended_at: float
    excused: frozenset[str] = frozenset()


def _struck(*replaced: str, detail: str = "", excused: tuple[str, ...] = ()) -> Struck:
    return Struck(frozenset(replaced), detail, time.monotonic(), frozenset(excused))


def _victim(product: Product, name: str) -> psutil.Process:
    return product.postgres() if name == POSTGRES else product.part(name)


def _with_workers(name: str) -> tuple[str, ...]:
    return (PROJECTOR, WORKERS) if name == PROJECTOR else (name,)


def kill(name: str, scene: Scene) -> Struck:
    """`kill -9` of one part."""
    send([_victim(scene.product, name)], signal.SIGKILL)
    return _struck(*_with_workers(name))


def kill_projector_worker(scene: Scene) -> Struck:
    """`kill -9` of one of the processes that share the partitions."""
    send([scene.chance.choice(scene.product.projector_workers())], signal.SIGKILL)
    return _struck(WORKERS)


def kill_several(scene: Scene) -> Struck:
    """`kill -9` of two, three or four at the same moment."""
    names = scene.chance.sample(KILLED_AT_ONCE, scene.chance.choice((2, 2, 3, 4)))
    send([_victim(scene.product, name) for name in names], signal.SIGKILL)
    return _struck(*(word for name in names for word in _with_workers(name)), detail=", ".join(sorted(names)))


def kill_relay_and(other: str, scene: Scene) -> Struck:
    """`kill -9` of the relay and of what it stands between, at the same moment."""
    send([_victim(scene.product, name) for name in (other, RELAY)], signal.SIGKILL)
    return _struck(other, RELAY)


def kill_relay_with_standby(scene: Scene) -> Struck:
    """`kill -9` of the relay while another waits for its place."""
    scene.product.start_spare(RELAY)
    send([scene.product.part(RELAY)], signal.SIGKILL)
    return _struck(RELAY)


@contextmanager
def _stopped(product: Product, names: Collection[str]) -> Iterator[None]:
    """SIGSTOP of parts with all their children, and SIGCONT at the end: children first, they have work at hand."""
    mains = [_victim(product, name) for name in names]
    frozen = [process for main in mains for process in (main, *children_of(main))]
    send(frozen, signal.SIGSTOP)
    try:
        yield
    finally:
        send(reversed(frozen), signal.SIGCONT)


def freeze(package: str, scene: Scene) -> Struck:
    """SIGSTOP of a part until a stand-by has taken over and gone on, then SIGCONT: a zombie wakes up."""
    product, load = scene.product, scene.load
    product.start_spare(package)
    load.advance(scene.chance.randrange(5, 40))
    with _stopped(product, (package,)):
        target = asyncio.run(end_of(product.url()))
        begun = time.monotonic()
        taken_over = partial(reached, product.url(), product.cluster(), target)
        load.advance(1)
        until(lambda: asyncio.run(taken_over()), "the stand-by has taken over", TAKE_OVER_SECONDS)
        seconds = time.monotonic() - begun
        load.advance(scene.chance.randrange(5, 40))
    return _struck(detail=f"taken over in {seconds:.1f} s", excused=_doubted(package))


def suspend(names: Collection[str], scene: Scene) -> Struck:
    """SIGSTOP of parts for longer than every time-out, then SIGCONT, as when a machine is suspended."""
    seconds = scene.chance.uniform(*SUSPENDED_SECONDS)
    with _stopped(scene.product, names):
        time.sleep(seconds)
    return _struck(detail=f"for {seconds:.0f} s", excused=_doubted(*names))


def _doubted(*names: str) -> tuple[str, ...]:
    """A main process takes workers that did not answer it for dead, and replaces them."""
    return (WORKERS,) if PROJECTOR in names else ()


def broker_away(scene: Scene) -> Struck:
    """The broker is killed, and killed again whenever it comes up, for some time; commands are accepted meanwhile."""
    ends_at = time.monotonic() + scene.outage_seconds
    before = scene.load.acknowledged()
    while time.monotonic() < ends_at:
        if (broker := scene.product.broker()) is not None:
            send([broker], signal.SIGKILL)
        time.sleep(HOLD_DOWN_SECONDS)
    accepted = scene.load.acknowledged() - before
    assert accepted > 0, "no command was accepted while the broker was away"
    return _struck(BROKER, detail=f"for {scene.outage_seconds:.0f} s, {accepted} messages accepted meanwhile")


def delete_all_topics(scene: Scene) -> Struck:
    """All topics are deleted while the relay publishes."""
    asyncio.run(delete_topics(scene.product.cluster(), TOPICS))
    return _struck()


def kill_everything(scene: Scene) -> Struck:
    """`kill -9` of the supervisor, all parts, PostgreSQL and Kafka at the same moment; then `mimo up` again."""
    scene.product.kill_everything()
    struck = _struck(*PARTS, WORKERS, POSTGRES)
    scene.product.start()
    return struck


def replay_killed(scene: Scene) -> Struck:
    """A view is replayed; the replay is killed and gone on with, proven, taken back, proven again, and dropped."""
    name, seconds = scene.chance.choice(VIEWS), scene.chance.uniform(*REPLAYED_SECONDS)
    database = {"MIMO_DATABASE_URL": scene.product.url()}
    command = [sys.executable, "-m", "mimo", "replay", name, "--rate", "20"]
    first = subprocess.Popen(command, cwd=ROOT, env={**os.environ, **database}, stdout=DEVNULL, stderr=DEVNULL)
    with suppress(subprocess.TimeoutExpired):
        first.wait(seconds)
    first.kill()
    first.wait()
    for words in (("replay", name, "--jobs", "2"), ("verify", name), ("rollback", name), ("verify", name)):
        _told(*words, **database)
    listed = json.loads(_told("generations", name, "--json", **database))
    for standby in (str(one["generation"]) for one in listed if one["status"] == "standby"):
        _told("drop", name, standby, "--yes", **database)
    return _struck(detail=f"{name}, killed after {seconds:.1f} s")


def _told(*words: str, **environment: str) -> str:
    """What `mimo` prints when all is well."""
    done = run_mimo(*words, **environment)
    assert done.returncode == 0, f"mimo {' '.join(words)}: {done.stdout}{done.stderr}"
    return done.stdout


KINDS: dict[str, Callable[[Scene], Struck]] = {
    "kill -9 of the broker": partial(kill, BROKER),
    "kill -9 of the relay": partial(kill, RELAY),
    "kill -9 of the relay beside a standby": kill_relay_with_standby,
    "kill -9 of the projector": partial(kill, PROJECTOR),
    "kill -9 of a projector worker": kill_projector_worker,
    "kill -9 of the command API": partial(kill, COMMAND),
    "kill -9 of the query API": partial(kill, QUERY),
    "kill -9 of PostgreSQL": partial(kill, POSTGRES),
    "kill -9 of broker and relay": partial(kill_relay_and, BROKER),
    "kill -9 of PostgreSQL and relay": partial(kill_relay_and, POSTGRES),
    "kill -9 of several at once": kill_several,
    "kill -9 of everything": kill_everything,
    "relay frozen, replaced, awake": partial(freeze, RELAY),
    "projector frozen, replaced, awake": partial(freeze, PROJECTOR),
    "broker suspended": partial(suspend, (BROKER,)),
    "PostgreSQL suspended": partial(suspend, (POSTGRES,)),
    "relay suspended": partial(suspend, (RELAY,)),
    "everything suspended": partial(suspend, (*PARTS, POSTGRES)),
    "broker away": broker_away,
    "topics deleted": delete_all_topics,
    "replay killed, gone on with, rolled back": replay_killed,
}
"""By the name in the tables."""
