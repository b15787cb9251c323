"""What operators had done to the system, and how far it is.

Read from the log itself: when projections stand still, it is wanted most. It must not know how anything is carried out.
"""

from __future__ import annotations

from typing import Annotated, Any, cast

import asyncpg
import msgspec
from fastapi import FastAPI, Request

from events.catalog import parse
from events.operations import TOPIC, OperationEnded, OperationRequested
from events.recorded import Meta
from infra.web.answer import Ready
from query_api import cursors, desk_shapes
from query_api.cursors import Cursor
from query_api.dependencies import DEFAULT_ROWS, CursorText, Limit
from query_api.desk import AtTheDesk, add_desk_route, shown

# The latest of each partition, by its index; the end of each, by its stream's. `|| ''` keeps the planner to these.
OPERATIONS = """
with asked as (
  select e.* from log.installation i
  cross join lateral generate_series(0, i.partitions - 1) p (number)
  cross join lateral (
    select t.position, t.id, t.stream, t.key, t.schema, t.data, t.meta, t.at from log.tail t
    where t.topic = $1 and t.partition = p.number and t.type || '' = 'OperationRequested' and t.position + 0 < $2
    order by t."offset" desc limit $3
  ) e
  order by e.position desc limit $3
)
select a.*, e.id as ended_id, e.schema as ended_schema, e.data as ended_data, e.at as ended_at,
  p.operation_id, p.doing, p.done, p.total, p.begun_at, p.told_at
from asked a
left join lateral (
  select t.id, t.schema, t.data, t.at from log.tail t
  where t.stream = a.stream and t.version > 1 and t.type || '' = 'OperationEnded' order by t.version limit 1
) e on true
left join read.progress p on p.operation_id = a.key::uuid
order by a.position desc
"""
LAST_POSITION = 2**63 - 1
PROGRESS = ("doing", "done", "total", "begun_at", "told_at")
_meta = msgspec.json.Decoder(Meta)


class Earlier(Cursor, frozen=True, tag="o"):
    """The list of operations goes on with those asked for before this position."""

    position: Annotated[int, msgspec.Meta(ge=1, le=LAST_POSITION)]


async def operations(
    request: Request, desk: AtTheDesk, cursor: CursorText = None, limit: Limit = DEFAULT_ROWS
) -> Ready:
    """What operators had done to the system, the latest first: at the desk and on the command line."""
    before = cursors.read(cursor, Earlier).position if cursor else LAST_POSITION
    async with desk.asking() as connection:
        found = await latest(connection, limit + 1, before)
    items = found[:limit]
    if len(found) <= limit:
        return shown({"items": items, "next_cursor": None})
    text = cursors.written(Earlier(items[-1]["position"]))
    query = request.scope["query_string"]
    return shown({"items": items, "next_cursor": text}, cursors.link(request.scope["path"], query, text))


async def latest(connection: asyncpg.Connection, limit: int, before: int = LAST_POSITION) -> list[dict[str, Any]]:
    """The latest operations, as the route and `mimo operations` show them.

    Args:
        connection: its role may read `log.tail` and `read.progress`.
        limit: so many at most.
        before: only those asked for before this position.
    """
    return [_operation(row) for row in await connection.fetch(OPERATIONS, TOPIC, before, limit)]


def _operation(row: asyncpg.Record) -> dict[str, Any]:
    asked = cast("OperationRequested", parse("OperationRequested", row["schema"], row["data"], row["id"]))
    ended = None
    if row["ended_id"] is not None:
        ended = cast("OperationEnded", parse("OperationEnded", row["ended_schema"], row["ended_data"], row["ended_id"]))
    told = row["operation_id"] is not None and ended is None
    return {
        "operation_id": asked.operation_id,
        "action": asked.action,
        "target": asked.target,
        "options": asked.options,
        "via": asked.via,
        "asked_by": _meta.decode(row["meta"]).actor,
        "asked_at": row["at"],
        "position": row["position"],
        "ended_at": row["ended_at"],
        "outcome": None if ended is None else ended.outcome,
        "said": None if ended is None else ended.said,
        "progress": {name: row[name] for name in PROGRESS} if told else None,
    }


def add_routes(app: FastAPI) -> None:
    """Adds the route."""
    add_desk_route(app, "/v1/operations", operations, desk_shapes.OperationList)
