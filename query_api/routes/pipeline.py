"""The pipeline, for admins: how far each projection is behind the log, and what was set aside.

Asked rarely, so it is an ordinary route that reads the books as they are. It must not know what projections do.
"""

from __future__ import annotations

from typing import Any

import orjson
from fastapi import FastAPI

from infra.relay.standing import Standing, read_standing
from infra.web.answer import Ready
from query_api import shapes
from query_api.checkpoints import PROJECTIONS
from query_api.desk import AtTheDesk, add_desk_route, shown

PIPELINE = """
with place as (
  select c.projection, c.version, c.generation, c.topic, c.partition, c."offset", c.stopped,
    coalesce((select e."offset" from log.tail e where e.topic = c.topic and e.partition = c.partition
              order by e."offset" desc limit 1), 0) as last,
    (select e.at from log.tail e where e.topic = c.topic and e.partition = c.partition
       and e."offset" = c."offset" + 1) as waiting_since
  from read.checkpoint c
)
select p.projection as name, p.version, p.generation,
  sum(p."offset")::bigint as applied,
  sum(greatest(p.last - p."offset", 0))::bigint as lag_events,
  coalesce(greatest(extract(epoch from clock_timestamp() - min(p.waiting_since)), 0), 0)::float8 as lag_seconds,
  (select count(*) from read.parked k where k.projection = p.projection and k.version = p.version) as parked,
  coalesce(jsonb_agg(jsonb_build_object('topic', p.topic, 'partition', p.partition, 'reason', p.stopped)
           order by p.topic, p.partition) filter (where p.stopped is not null), '[]')::text as stopped
from place p
group by p.projection, p.version, p.generation
order by p.projection, p.version
"""

LOG = """
select i.log_id, clock_timestamp() as at,
  coalesce((select e.position from log.tail e order by e.position desc limit 1), 0) as position
from log.installation i
"""


async def pipeline(desk: AtTheDesk) -> Ready:
    """Lag in events and seconds per projection, the relay, and parked events."""
    async with desk.asking() as connection:
        rows = await connection.fetch(PIPELINE)
        log = await connection.fetchrow(LOG)
        relay = await read_standing(connection)
    found = [{**row, "stopped": orjson.Fragment(row["stopped"])} for row in rows]
    found += [_missing(name) for name in PROJECTIONS if all(row["name"] != name for row in rows)]
    return shown({**log, "projections": found, "relay": _shown(relay)})


def _shown(relay: Standing) -> dict[str, Any]:
    numbers = ("position", "lag_events", "lag_seconds", "noted_at")
    return {
        "running": relay.running and relay.stopped is None,
        "reason": relay.reason,
        **{name: getattr(relay, name) if relay.used else None for name in numbers},
        "dead_letters": relay.dead_letters,
    }


def _missing(name: str) -> dict[str, Any]:
    unknown = dict.fromkeys(("version", "generation", "applied", "lag_events", "lag_seconds"))
    return {"name": name, **unknown, "parked": 0, "stopped": []}


def add_routes(app: FastAPI) -> None:
    """Adds the route."""
    add_desk_route(app, "/v1/pipeline", pipeline, shapes.Pipeline)
