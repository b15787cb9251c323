"""Looks into the past: builds a projection from a part of the log and keeps it in a scratch schema.

It must not know how times are written, nor what somebody looks for.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

from events.ports import Batch
from events.recorded import Recorded
from infra.event_log.search import Search
from infra.event_log.wanted import Wanted
from projectors import kept
from projectors.kept import Kept, NotKept, Part
from projectors.projection import Projection
from projectors.scratch import Access, Scratch, offsets_at, scratch

BATCH_EVENTS = 500


async def look_back(projection: Projection, access: Access, name: str, part: Part, time: timedelta) -> Kept:
    """Builds a projection from a part of the log into a scratch schema.

    Whoever is killed meanwhile leaves no schema of that name, only a generation that projectors clear away.

    Args:
        projection: which one.
        access: to the database.
        name: of the schema.
        part: of the log.
        time: how long it is kept.

    Raises:
        NotKept: the name cannot be used, or the part has no event of the projection.
        Stopped: an event cannot be applied.
    """
    kept.require_name(name)
    async with scratch(projection, access) as built:
        await kept.reserve(built.connection, name)
        if part.stream is None and part.key is None:
            await built.bring_to(await offsets_at(built.connection, projection, part.upto))
        else:
            await _apply_wanted(projection, built, part)
        return await kept.keep(built.connection, projection, built.generation, name, part, time)


async def _apply_wanted(projection: Projection, built: Scratch, part: Part) -> None:
    types = tuple(event.contract.name for event in projection.handles)
    wanted = Wanted(types=types, stream=part.stream, key=part.key, last=part.upto)
    search = Search(built.connection)
    bounds = await search.bounds(wanted)
    events = (await search.counts(wanted, bounds, None))[""]
    if not events:
        raise NotKept(f"{projection.name} has nothing of that: no event of it was found up to {part.upto}.")
    await built.apply(_batches(search.events(wanted, bounds)), events)


async def _batches(events: AsyncIterator[Recorded]) -> AsyncIterator[Batch]:
    found: list[Recorded] = []
    async for event in events:
        found.append(event)
        if len(found) == BATCH_EVENTS:
            yield Batch(found)
            found = []
    if found:
        yield Batch(found)
