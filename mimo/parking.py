"""What `mimo parked` does with the database: listing, applying and giving up what projections have set aside.

It must not know the terminal.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import partial

from events.bookmark import Place
from events.errors import CannotStart
from events.recorded import Recorded
from infra.postgres import Role, connect, pool
from infra.sealing import KeyRing
from mimo.database import connected
from projectors.checkpoints import Generation
from projectors.generations import present
from projectors.opening import Opener
from projectors.projection import Projection
from projectors.retrying import OthersParked, ParkedKey, StillParked, discard, first_parked, parked, retry
from projectors.session import ViewSession
from projectors.upkeep import fetch_keys
from projectors.views import PROJECTIONS

APPLICATION = "mimo-parked"
SHOWN_EVENTS = 500


@dataclass(frozen=True)
class Outcome:
    """What a retry came to.

    Attributes:
        applied: how many events.
        still: a sentence for each key that is still parked.
    """

    applied: int
    still: tuple[str, ...]


async def listed(url: str) -> list[tuple[Generation, ParkedKey]]:
    """The keys of which events are parked, in all generations of all projections.

    Raises:
        CannotStart: the database cannot be used.
    """
    async with connected(url, APPLICATION, Role.PROJECTOR) as connection:
        return [
            (generation, one)
            for projection in PROJECTIONS
            for generation in await present(connection, projection)
            for one in await parked(connection, generation)
        ]


async def shown(url: str, projection: Projection, key: str) -> list[Recorded]:
    """The first parked events of a key, each once however many generations have set it aside.

    Raises:
        CannotStart: nothing of the key is parked, or the database cannot be used.
    """
    found: dict[int, Recorded] = {}
    of_key = await _of(url, projection, (key,))
    async with connected(url, APPLICATION, Role.PROJECTOR) as connection:
        for generation, one in of_key:
            found |= {event.position: event for event in await first_parked(connection, generation, one, SHOWN_EVENTS)}
    return [found[position] for position in sorted(found)[:SHOWN_EVENTS]]


async def retried(url: str, projection: Projection, keys: Collection[str]) -> Outcome:
    """Applies what is parked, in order for each key.

    Args:
        url: the database.
        projection: whose events.
        keys: only of these; none: of all.

    Raises:
        CannotStart: nothing of a key is parked, or the database cannot be used.
    """
    applied, still = 0, []
    own = partial(connect, url, application=APPLICATION, role=Role.PROJECTOR)
    found = await _of(url, projection, keys)
    async with pool(url, application=APPLICATION, role=Role.PROJECTOR, min_size=0, max_size=1) as opened:
        opener = Opener(projection, KeyRing(partial(fetch_keys, opened)))
        for generation, one in found:
            session = ViewSession(own, generation)
            try:
                applied += await retry(await session.connection(), projection, generation, opener, one)
            except StillParked as error:
                still.append(str(error))
            finally:
                session.close()
    return Outcome(applied, tuple(still))


async def discarded(url: str, projection: Projection, key: str, events: int) -> int:
    """Gives up what is parked of a key.

    Args:
        url: the database.
        projection: whose events.
        key: of which events are parked.
        events: how many were seen (`events_of`).

    Returns:
        How many events.

    Raises:
        CannotStart: nothing of the key is parked, or the database cannot be used.
        OthersParked: others are parked by now.
    """
    found = await _of(url, projection, (key,))
    if (number := events_of(found)) != events:
        raise OthersParked(f"Of {key} {number} events are parked in {projection.name}, not {events}: look again.")
    async with connected(url, APPLICATION, Role.PROJECTOR) as connection:
        for generation, one in found:
            await discard(connection, generation, one)
    return number


def events_of(found: Iterable[tuple[Generation, ParkedKey]]) -> int:
    """How many events are parked, each counted once however many generations have set it aside."""
    most: dict[tuple[Place, str], int] = {}
    for _, one in found:
        most[one.place, one.key] = max(one.events, most.get((one.place, one.key), 0))
    return sum(most.values())


async def _of(url: str, projection: Projection, keys: Collection[str]) -> list[tuple[Generation, ParkedKey]]:
    found = [(generation, one) for generation, one in await listed(url) if generation.projection == projection.name]
    if unknown := set(keys) - {one.key for _, one in found}:
        raise CannotStart(f"No event of {min(unknown)} is parked in {projection.name}: `mimo parked` lists what is.")
    return [(generation, one) for generation, one in found if not keys or one.key in keys]
