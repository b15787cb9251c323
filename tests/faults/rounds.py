"""One round: the load goes on, a fault strikes, everything comes back by itself, the load pauses, all is compared."""

import asyncio
import random
import time
from dataclasses import dataclass, replace

import asyncpg
from aiokafka.errors import KafkaError

from events.recorded import Recorded
from infra.relay.trouble import Unsettled
from tests.faults.kinds import KINDS, Scene, Struck
from tests.faults.load import Load
from tests.faults.pipeline import Target, end_of, reached
from tests.faults.product import Product
from tests.faults.proof import count_commands, flaws_of_log, rows_that_differ
from tests.topics import flaws_of_topics, read_log

RECOVERY_SECONDS = 30.0
"""What is promised, from the end of the fault."""
PATIENCE_SECONDS = 120.0
"""A round that is not over by then never will be; what takes longer than promised is told with its time."""
POLL_SECONDS = 0.1
AWAY = (OSError, KafkaError, Unsettled, asyncpg.PostgresError, asyncpg.InterfaceError)


@dataclass(frozen=True)
class Plan:
    """A round before it is played; the same seed and number give the same plan.

    Attributes:
        seed: of the whole run.
        number: of the round, from 1.
        fault: its name in KINDS.
        outage_seconds: how long an outage lasts.
    """

    seed: int
    number: int
    fault: str
    outage_seconds: float

    @property
    def chance(self) -> random.Random:
        """What decides the rest, from its beginning."""
        return random.Random(f"{self.seed}/{self.number}")


@dataclass(frozen=True)
class Result:
    """What came of a round.

    Attributes:
        seed: of the run.
        number: of the round.
        fault: what struck.
        detail: what chance decided.
        recovery_seconds: from the fault's end until all was ready and caught up; None: never.
        acknowledged: commands acknowledged since the system's first start, all of them looked up.
        events: in the log, all of them compared with the topics and the views.
        lost: acknowledged commands that are not in the log.
        doubled: commands that took effect twice.
        topic_flaws: partitions that differ from the log.
        view_flaws: tables that differ from the fold of the log.
        failure: everything that was not as promised, in words; empty when all was.
    """

    seed: int
    number: int
    fault: str
    detail: str = ""
    recovery_seconds: float | None = None
    acknowledged: int = 0
    events: int = 0
    lost: int = 0
    doubled: int = 0
    topic_flaws: int = 0
    view_flaws: int = 0
    failure: str = ""


def planned(seed: int, number: int, outage_seconds: float) -> Plan:
    """The plan of a round: each kind of fault once before any comes again, shuffled."""
    block, place = divmod(number - 1, len(KINDS))
    order = random.Random(f"{seed}/order/{block}").sample(list(KINDS), len(KINDS))
    return Plan(seed, number, order[place], outage_seconds)


def play(plan: Plan, product: Product, load: Load) -> Result:
    """Play one round. Whatever is not as promised is in the result, nothing is raised."""
    result = Result(plan.seed, plan.number, plan.fault)
    try:
        return _played(plan, product, load, result)
    except Exception as error:
        return replace(result, failure=f"{type(error).__name__}: {error}")
    finally:
        load.pause()


def _played(plan: Plan, product: Product, load: Load, result: Result) -> Result:
    chance = plan.chance
    load.go_on()
    load.advance(chance.randrange(20, 120))
    before = product.pids()
    struck = KINDS[plan.fault](Scene(product, load, chance, plan.outage_seconds))
    recovery_seconds, unready = _recovered(struck, product, load)
    result = replace(result, detail=struck.detail, recovery_seconds=recovery_seconds)
    if recovery_seconds is None:
        return replace(result, failure=f"never came back: {unready}")
    load.advance(20)
    product.stop_spares()
    load.pause()
    result = asyncio.run(compared(product, load, result))
    failures = [
        result.failure,
        f"recovered in {recovery_seconds:.1f} s" if recovery_seconds > RECOVERY_SECONDS else "",
        _changed(before, product.pids(), struck),
        load.gave_up() or "",
    ]
    return replace(result, failure="; ".join(filter(None, failures)))


def _recovered(struck: Struck, product: Product, load: Load) -> tuple[float | None, dict[str, str]]:
    """Wait until all is ready, commands are accepted, and relay and views have what was there when the fault ended.

    Returns:
        The seconds that it took since the end of the fault, None for never; and what was not ready at last.
    """
    acknowledged = load.acknowledged()
    target: Target | None = None
    unready: dict[str, str] = {}
    while time.monotonic() < struck.ended_at + PATIENCE_SECONDS:
        if ended := load.gave_up():
            return None, {"the load": ended}
        try:
            target = target or asyncio.run(end_of(product.url()))
            unready = product.unready()
            if (
                not unready
                and load.acknowledged() > acknowledged
                and asyncio.run(reached(product.url(), product.cluster(), target))
            ):
                return time.monotonic() - struck.ended_at, {}
        except AWAY as error:
            unready = {"PostgreSQL or Kafka": f"{type(error).__name__}: {error}"}
        time.sleep(POLL_SECONDS)
    return None, unready or {"relay or views": "behind the log"}


def _changed(before: dict[str, frozenset[int]], now: dict[str, frozenset[int]], struck: Struck) -> str:
    """Who died though nobody hit it, or lives on though it was hit."""
    died = [name for name in before if before[name] != now[name] and name not in struck.replaced | struck.excused]
    alive = [name for name in struck.replaced if before[name] == now[name]]
    return "; ".join(filter(None, (f"died too: {died}" if died else "", f"not replaced: {alive}" if alive else "")))


async def compared(product: Product, load: Load, result: Result) -> Result:
    """Compare all with all, once nothing is on its way any more."""
    url = product.url()
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        end = await end_of(url)
        if not await reached(url, product.cluster(), end):
            await asyncio.sleep(POLL_SECONDS)
            continue
        found = await _compared_once(product, load, (await read_log(url))[2], result)
        if await end_of(url) == end:  # else something was still on its way
            return found
    return replace(result, failure="relay or views do not reach the log's end though nothing is sent any more")


async def _compared_once(product: Product, load: Load, events: list[Recorded], result: Result) -> Result:
    commands = count_commands(load.entries(), events)
    of_log = flaws_of_log(events)
    of_topics = await flaws_of_topics(product.url(), product.cluster())
    of_views = await rows_that_differ(product.url(), events)
    failures = (
        f"{commands.lost} commands lost" if commands.lost else "",
        f"{commands.doubled} commands doubled" if commands.doubled else "",
        f"the log is not dense: {of_log[:3]}" if of_log else "",
        f"topics are not the log: {of_topics[:3]}" if of_topics else "",
        f"views are not the fold of the log: {of_views}" if of_views else "",
    )
    return replace(
        result,
        acknowledged=commands.acknowledged,
        events=len(events),
        lost=commands.lost,
        doubled=commands.doubled,
        topic_flaws=len(of_topics),
        view_flaws=len(of_views),
        failure="; ".join(filter(None, failures)),
    )
