"""How far the log is known to be in Kafka, as the relay has noted it for everybody who shows it.

It must not know Kafka, nor how the relay works: it only reads the books.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import asyncpg

SILENCE_SECONDS = 10.0
"""A relay that is at work notes where it is much more often."""

_STANDING = """
select r.position, r.noted_at, r.stopped,
  greatest(coalesce((select e.position from log.tail e order by e.position desc limit 1), 0) - r.position, 0)
    as lag_events,
  coalesce(greatest(extract(epoch from clock_timestamp() - (
    select e.at from log.tail e where e.position = r.position + 1)), 0), 0)::float8 as lag_seconds,
  coalesce(r.noted_at > clock_timestamp() - make_interval(secs => $1), false) as running,
  (select count(*) from read.dead_letter) as dead_letters
from read.relay r
"""


@dataclass(frozen=True)
class Standing:
    """Where the relay is.

    Attributes:
        position: everything up to it is in Kafka.
        noted_at: when that was noted last; None if no relay ever ran here.
        stopped: why it refuses to go on; None while it does not.
        lag_events: events in the log that are not in Kafka.
        lag_seconds: how long the oldest of them has waited; 0 when there is none.
        running: whether it has noted something lately.
        dead_letters: records of the topics that nobody could read, kept as they were.
    """

    position: int
    noted_at: datetime | None
    stopped: str | None
    lag_events: int
    lag_seconds: float
    running: bool
    dead_letters: int

    @property
    def used(self) -> bool:
        """Whether this installation ever was in Kafka mode."""
        return self.noted_at is not None or self.stopped is not None

    @property
    def reason(self) -> str | None:
        """Why nothing is being copied; None while it is."""
        if self.stopped is not None:
            return self.stopped
        if self.running:
            return None
        if self.noted_at is None:
            return "embedded mode: the projections follow the log directly"
        return f"no relay was heard of since {self.noted_at:%Y-%m-%d %H:%M:%S} UTC; in embedded mode there is none"


async def read_standing(connection: asyncpg.Connection) -> Standing:
    """Reads where the relay is.

    Args:
        connection: of any role that may read `read.relay`.
    """
    return Standing(**await connection.fetchrow(_STANDING, SILENCE_SECONDS))
