"""What `mimo replay --into` and `mimo scratch` do with the database.

It must not know the terminal, nor how a part of the log is built (projectors/past.py).
"""

from datetime import timedelta
from functools import partial

from events.errors import CannotStart
from infra.event_log.wanted import read_wanted
from infra.postgres import Role
from mimo.database import connected
from mimo.moments import position_of
from mimo.operations import Done
from mimo.proving import with_access
from mimo.telling import Tell
from projectors import kept, past
from projectors.kept import Kept, Part
from projectors.projection import Projection
from projectors.replay import patiently

APPLICATION = "mimo-scratch"
NOW = str(2**62)


async def part_of(url: str, until: str | None, stream: str | None, key: str | None) -> Part:
    """The part of the log that somebody writes.

    Args:
        url: the database.
        until: a position, or a time as `mimo events` takes it; None: now.
        stream: of this stream only.
        key: of this key only.

    Raises:
        InvalidRequest: something cannot be read.
        CannotStart: there is nothing up to then.
    """
    filters = read_wanted(stream=stream, key=key)
    upto = await position_of(url, NOW if until is None else until)
    if upto == 0:
        raise CannotStart("There is no event up to then.")
    return Part(upto, filters.stream, filters.key)


async def look_back(url: str, projection: Projection, name: str, part: Part, time: timedelta, tell: Tell) -> Done[Kept]:
    """Builds a part of the log into a scratch schema; see `projectors.past.look_back`."""
    work = partial(past.look_back, projection, name=name, part=part, time=time)
    made = await with_access(url, partial(tell, f"building {name}"), work)
    return Done(made, f"{name} shows {projection.name} up to position {part.upto}.")


async def drop(url: str, name: str, tell: Tell) -> Done[None]:
    """Drops a scratch schema; see `projectors.kept.drop`."""
    tell(f"dropping {name}", 0, 0)
    async with connected(url, APPLICATION, Role.PROJECTOR) as connection:
        await patiently(partial(kept.drop, connection, name))
    return Done(None, f"Dropped {name}.")


async def listed(url: str) -> list[Kept]:
    """The scratch schemas that there are."""
    async with connected(url, APPLICATION, Role.PROJECTOR) as connection:
        return await kept.list_kept(connection)
