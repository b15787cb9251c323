"""What operators have done, at the desk or on the command line: each does it, and says in a sentence what came of it.

It must not know who asked, nor the terminal.
"""

from collections.abc import Collection, Mapping
from functools import partial

from mimo import parking
from mimo.operations import Done
from mimo.proving import run_verify, verdict_sentence
from mimo.replaying import Plan, run_drop, run_replay, run_rollback
from mimo.telling import Tell
from projectors.checkpoints import Generation
from projectors.projection import Projection
from projectors.verify import Verdict


async def replay(
    url: str, plan: Plan, environment: Mapping[str, str], tell: Tell, *, takes_over: bool = False
) -> Done[Generation]:
    """Builds a projection anew and shows it to readers; see `run_replay`."""
    generation = await run_replay(url, plan, environment, lambda now: tell(*now.told()), takes_over=takes_over)
    return shown(generation)


async def rollback(url: str, projection: Projection, number: int, tell: Tell) -> Done[Generation]:
    """Shows a generation that stands by; see `run_rollback`."""
    tell(f"showing generation {number} of {projection.name}", 0, 0)
    return shown(await run_rollback(url, projection, number))


async def drop(url: str, projection: Projection, number: int, tell: Tell) -> Done[None]:
    """Drops a generation; see `run_drop`."""
    tell(f"dropping generation {number} of {projection.name}", 0, 0)
    await run_drop(url, projection, number)
    return Done(None, f"Dropped generation {number} of {projection.name}.")


async def verify(url: str, projection: Projection, tell: Tell) -> Done[Verdict]:
    """Compares what readers see with the log; see `run_verify`."""
    verdict = await run_verify(url, projection, partial(tell, f"verifying {projection.name}"))
    return Done(verdict, verdict_sentence(verdict), well=verdict.comparison.equal)


async def retry_parked(url: str, projection: Projection, keys: Collection[str], tell: Tell) -> Done[parking.Outcome]:
    """Applies parked events; see `parking.retried`."""
    tell(f"applying parked events of {projection.name}", 0, 0)
    outcome = await parking.retried(url, projection, keys)
    said = " ".join([f"Applied {outcome.applied} events.", *outcome.still])
    return Done(outcome, said, well=not outcome.still)


async def discard_parked(url: str, projection: Projection, key: str, events: int, tell: Tell) -> Done[int]:
    """Gives parked events of a key up; see `parking.discarded`."""
    tell(f"giving up parked events of {projection.name}", 0, 0)
    number = await parking.discarded(url, projection, key, events)
    return Done(number, f"Gave up {number} events.")


def shown(generation: Generation) -> Done[Generation]:
    """Readers see a generation."""
    return Done(generation, f"Readers see {generation.schema} now.")
