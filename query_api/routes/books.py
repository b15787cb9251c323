"""What the books say, for operators: builds of projections, parked events, processes.

Asked rarely, so they are read as they are. It must not know who keeps them.
"""

from __future__ import annotations

from typing import Annotated

import msgspec
import orjson
from fastapi import FastAPI, Request

from infra.presence import PROCESSES, SILENT_SECONDS
from infra.web.answer import Ready
from query_api import cursors, desk_shapes
from query_api.cursors import Cursor
from query_api.dependencies import DEFAULT_ROWS, CursorText, Limit
from query_api.desk import AtTheDesk, add_desk_route, shown

GENERATIONS = """
select projection, version, generation, status, created_at, live_at, events_behind, stopped, parked, bytes
from read.generation
order by projection, generation
"""
PARKED = """
select projection, version, generation, topic, partition, key, events, first_offset, position, type, error, parked_at
from read.parked_key
where (projection, generation, topic, key) > ($1, $2, $3, $4)
order by projection, generation, topic, key
limit $5
"""

Word = Annotated[str, msgspec.Meta(pattern=r"^[^\x00]*$")]


class AfterKey(Cursor, frozen=True, tag="k"):
    """The list of parked keys goes on after this one. Without arguments: from the start."""

    projection: Word = ""
    generation: Annotated[int, msgspec.Meta(ge=0, lt=2**31)] = 0
    topic: Word = ""
    key: Word = ""


async def generations(desk: AtTheDesk) -> Ready:
    """The builds of each projection that are there, and how far each is behind the log."""
    async with desk.asking() as connection:
        rows = await connection.fetch(GENERATIONS)
    return shown({"items": [dict(row) for row in rows], "next_cursor": None})


async def parked(request: Request, desk: AtTheDesk, cursor: CursorText = None, limit: Limit = DEFAULT_ROWS) -> Ready:
    """The keys of which events could not be applied, in every generation."""
    after = cursors.read(cursor, AfterKey) if cursor else AfterKey()
    async with desk.asking() as connection:
        rows = await connection.fetch(PARKED, after.projection, after.generation, after.topic, after.key, limit + 1)
    items = [dict(row) for row in rows[:limit]]
    if len(rows) <= limit:
        return shown({"items": items, "next_cursor": None})
    last = items[-1]
    text = cursors.written(AfterKey(last["projection"], last["generation"], last["topic"], last["key"]))
    query = request.scope["query_string"]
    return shown({"items": items, "next_cursor": text}, cursors.link(request.scope["path"], query, text))


async def processes(desk: AtTheDesk) -> Ready:
    """The processes of the system: which are there, and which are not ready."""
    async with desk.asking() as connection:
        rows = await connection.fetch(PROCESSES, SILENT_SECONDS)
    items = [{**row, "not_ready": orjson.Fragment(row["not_ready"])} for row in rows]
    return shown({"items": items, "next_cursor": None})


def add_routes(app: FastAPI) -> None:
    """Adds the routes."""
    add_desk_route(app, "/v1/generations", generations, desk_shapes.GenerationList)
    add_desk_route(app, "/v1/parked", parked, desk_shapes.ParkedList)
    add_desk_route(app, "/v1/processes", processes, desk_shapes.ProcessList)
