"""How a view changed between two positions of the log: built up to each, and compared row by row.

It must not know how rows are compared.
"""

from __future__ import annotations

from projectors.comparing import Comparison, compare
from projectors.projection import Projection
from projectors.scratch import Access, offsets_at, scratch


async def diff(projection: Projection, access: Access, before: int, after: int) -> Comparison:
    """Compares a projection as of two positions.

    Args:
        projection: which one.
        access: to the database.
        before: the log up to this position gives what is `found`.
        after: the log up to this one gives what is `expected`.

    Raises:
        Stopped: an event cannot be applied.
    """
    async with scratch(projection, access) as old, scratch(projection, access) as new:
        await old.bring_to(await offsets_at(old.connection, projection, before))
        await new.bring_to(await offsets_at(new.connection, projection, after))
        return await compare(old.connection, old.generation, new.connection, new.generation)
