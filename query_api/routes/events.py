"""Events as the log holds them, for operators: the latest, the next, and each by itself. Personal data stay sealed.

It must not know how events are found, nor have a key.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import orjson
from fastapi import FastAPI, Path, Query

from events.catalog import BY_NAME, TOPICS
from events.errors import HistoryChanged, InvalidRequest
from events.recorded import Recorded
from infra.event_log.glance import glance
from infra.event_log.json_lines import json_line
from infra.event_log.lanes import LOG, Stretch
from infra.event_log.places import find
from infra.event_log.search import Search
from infra.event_log.wanted import Wanted, read_wanted
from infra.web.answer import JSON_TYPE, Ready
from query_api import desk_shapes
from query_api.dependencies import DEFAULT_ROWS, Limit
from query_api.desk import AtTheDesk, add_desk_route, shown

LAST_POSITION = 2**62
MAX_CHARACTERS = 200

Types = Annotated[
    list[str] | None,
    Query(
        alias="type",
        description="Events of this name; several: of one of them.",
        json_schema_extra={"items": {"type": "string", "enum": list(BY_NAME)}},
    ),
]
Stream = Annotated[str | None, Query(max_length=MAX_CHARACTERS, description="Of one stream, such as `course-<id>`.")]
Topic = Annotated[
    str | None, Query(description="Of one topic, with or without `mimo.`.", json_schema_extra={"enum": list(TOPICS)})
]
Key = Annotated[str | None, Query(max_length=MAX_CHARACTERS, description="Of one user, course or channel, by its id.")]
Actor = Annotated[
    str | None,
    Query(max_length=MAX_CHARACTERS, description="Done by: a user's id, `operator:<name>`, `worker` or `anonymous`."),
]
Since = Annotated[
    str | None,
    Query(max_length=40, description="From then on: `15m`, `2h`, `3d` (ago), `2026-11-23`, `2026-11-23T12:30Z`."),
]
Until = Annotated[str | None, Query(max_length=40, description="Before then; written like `since`.")]
After = Annotated[
    int | None,
    Query(ge=0, le=LAST_POSITION, description="Those behind this position, the oldest first: `position` of an answer."),
]
Before = Annotated[
    int | None, Query(ge=1, le=LAST_POSITION, description="Those before this position: `before` of an answer.")
]


async def events(
    desk: AtTheDesk,
    types: Types = None,
    stream: Stream = None,
    topic: Topic = None,
    key: Key = None,
    actor: Actor = None,
    since: Since = None,
    until: Until = None,
    after: After = None,
    before: Before = None,
    limit: Limit = DEFAULT_ROWS,
) -> Ready:
    """Events that match all filters, the newest first; with `after`, those behind it, the oldest first.

    A request looks at some 300,000 events at most and says how far it came, so there may be more to find when there
    are fewer than `limit`: go on with `before`, or with `position` as `after`.
    """
    if after is not None and before is not None:
        raise InvalidRequest("after and before: send one of them.")
    wanted = read_wanted(types=types or (), stream=stream, key=key, actor=actor, topic=topic, since=since, until=until)
    if after is not None:  # whoever follows has little to look at, and does not wait for those who look back
        async with desk.asking() as connection:
            return await _next(Search(connection), wanted, after, limit)
    async with desk.searching() as connection:
        return await _latest(Search(connection), wanted, before, limit)


async def _latest(search: Search, wanted: Wanted, before: int | None, limit: int) -> Ready:
    bounds = await search.bounds(wanted)
    upto = bounds.upto if before is None else min(bounds.upto, before - 1)
    after = min(bounds.after, upto)
    found, reached = await glance(search, wanted, Stretch(LOG, after, upto), limit, newest_first=True)
    return _listed(found, upto, reached + 1 if reached > after else None)


async def _next(search: Search, wanted: Wanted, after: int, limit: int) -> Ready:
    bounds = await search.bounds(wanted)
    if after > bounds.upto and after > await search.head():
        raise HistoryChanged("The log ends before this position: it is another history. Begin anew, without `after`.")
    bounds = Stretch(LOG, max(bounds.after, after), max(bounds.upto, after))
    found, reached = await glance(search, wanted, bounds, limit, newest_first=False)
    return _listed(found, reached, None)


def _listed(found: Sequence[Recorded], position: int, before: int | None) -> Ready:
    items = [orjson.Fragment(json_line(event)) for event in found]
    return shown({"items": items, "position": position, "before": before})


async def event(
    desk: AtTheDesk, position: Annotated[int, Path(ge=1, le=LAST_POSITION, description="Its number in the log.")]
) -> Ready:
    """One event."""
    async with desk.asking() as connection:
        found = await find(Search(connection), (LOG, position))
    return Ready(200, json_line(found).encode(), [(b"cache-control", b"no-store")], JSON_TYPE)


def add_routes(app: FastAPI) -> None:
    """Adds the routes."""
    add_desk_route(app, "/v1/events", events, desk_shapes.EventList, "history_changed")
    add_desk_route(app, "/v1/events/{position}", event, desk_shapes.Event, "not_found")
