"""What `mimo verify` and `mimo diff` do with the database: a projection is built aside, and compared.

It must not know the terminal, nor how rows are compared (projectors/verify.py, projectors/diff.py).
"""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import TypeVar

from infra.postgres import Role, connect, pool
from projectors.projection import Projection
from projectors.scratch import Access
from projectors.verify import Verdict, verify

APPLICATION = "mimo-verify"

T = TypeVar("T")


async def run_verify(url: str, projection: Projection, tell: Callable[[int, int], None]) -> Verdict:
    """Compares what readers see of a projection with the log.

    Args:
        url: the database.
        projection: which one.
        tell: is told how many events of how many were applied.

    Raises:
        CannotVerify: readers see nothing of it yet.
        Stopped: an event cannot be applied.
        CannotStart: the database cannot be used.
    """
    return await with_access(url, tell, partial(verify, projection))


async def with_access(url: str, tell: Callable[[int, int], None], work: Callable[[Access], Awaitable[T]]) -> T:
    """Does something with generations that readers never see.

    Args:
        url: the database.
        tell: is told how many events of how many were applied.
        work: what to do.
    """
    own = partial(connect, url, application=APPLICATION, role=Role.PROJECTOR)
    endless = partial(own, transaction_timeout_seconds=0)
    async with pool(url, application=APPLICATION, role=Role.PROJECTOR, min_size=0, max_size=2) as opened:
        return await work(Access(own, endless, opened, tell))


def verdict_sentence(verdict: Verdict) -> str:
    """What was found, without the rows: they may hold personal data."""
    name, found = verdict.generation.schema, verdict.comparison
    if found.equal:
        return f"{name}: equal, {found.rows} rows, digest {found.digest}"
    return f"{name}: {found.different} of {found.rows} rows differ"
