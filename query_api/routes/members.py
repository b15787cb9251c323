"""Who may speak in a channel, by name. It must not know SQL nor how freshness is kept."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import Annotated
from uuid import UUID

from fastapi import FastAPI, Query

from infra.web.answer import Ready
from infra.web.auth import Authenticated
from infra.web.lean import LeanRoute
from query_api import channel_shapes, cursors, shapes
from query_api.answers import Composed
from query_api.asked import Asks
from query_api.cursors import After
from query_api.dependencies import DEFAULT_ROWS, Answering, CursorText, Limit
from query_api.reading import Reading
from query_api.routes.channels import readable_channel
from query_api.routes.courses import NO_NUL, is_admin, listed
from query_api.views.channels import Home
from query_api.views.enrollments import PAGE_OF_ROSTER, Page
from query_api.views.users import PERSON
from query_api.wire import encoded

BEHIND = ("enrollments", "messages", "users")
MAX_LOOKED_THROUGH = 1_000
"""Members of a course that one request compares with `q`; the cursor goes on behind them."""
AT_ONCE = 200
MAX_NAME_CHARACTERS = 80
_BETWEEN = re.compile(r"[\W_]+")

NameBeginning = Annotated[
    str | None,
    Query(max_length=MAX_NAME_CHARACTERS, pattern=NO_NUL, description="How a word of the name begins."),
]


async def members(
    channel_id: UUID,
    caller: Authenticated,
    answers: Answering,
    asked: Asks,
    q: NameBeginning = None,
    cursor: CursorText = None,
    limit: Limit = DEFAULT_ROWS,
) -> Ready:
    """Who may speak in a channel: the course's owner, then who is enrolled, the latest first; or the two.

    Capitals and accents make no difference to `q`.
    """
    after = cursors.read(cursor, After) if cursor else None
    beginning = _words(q or "")

    async def compose(reading: Reading) -> Composed:
        home = await readable_channel(reading, caller, channel_id)
        if home.course_id is None:
            return listed(asked, list((await _matching(reading, home, home.people, beginning)).values()), None)
        found: list[bytes] = []
        if after is None and home.owner_id is not None:
            found += (await _matching(reading, home, [home.owner_id], beginning)).values()
        last = await _from_roster(reading, home, beginning, after or After(), limit, found)
        return listed(asked, found, last)

    request = (
        "members",
        channel_id,
        beginning,
        after,
        limit,
        caller.user_id,
        is_admin(caller),
        asked.path,
        asked.query,
    )
    return await answers.answer(asked, request, BEHIND, compose)


def add_routes(app: FastAPI) -> None:
    """Adds the routes of this noun."""
    app.router.add_api_route(
        "/v1/channels/{channel_id}/members",
        members,
        response_model=channel_shapes.ChannelMemberList,
        responses=shapes.reads("not_a_member", "not_found"),
        tags=["channels"],
        route_class_override=LeanRoute,
    )


async def _from_roster(
    reading: Reading, home: Home, beginning: str, last: After, limit: int, found: list[bytes]
) -> After | None:
    """Adds those enrolled after a place in the roster, up to `limit`; answers where the next page begins, if any."""
    assert home.course_id is not None, "a direct channel has no roster"
    rows = AT_ONCE if beginning else limit + 1
    for _ in range(MAX_LOOKED_THROUGH // AT_ONCE):
        roster = await reading.one(PAGE_OF_ROSTER, Page(home.course_id, last.at, last.id, rows))
        matching = await _matching(reading, home, [enrollment.id for enrollment in roster], beginning)
        for enrollment in roster:
            if enrollment.id in matching:
                if len(found) == limit:
                    return last
                found.append(matching[enrollment.id])
                last = After(enrollment.enrolled_at, enrollment.id)
        if len(roster) < rows:
            return None
        last = After(roster[-1].enrolled_at, roster[-1].id)
    return last


async def _matching(reading: Reading, home: Home, ids: Sequence[UUID], beginning: str) -> dict[UUID, bytes]:
    """Those of some people whose name has a word that begins so: their JSON objects, still open at the end."""
    matching = {}
    for user_id, person in zip(ids, await reading.many(PERSON, ids), strict=True):
        name = person.display_name if person else None
        if not beginning or (name is not None and beginning in _words(name)):
            shown = {"user_id": user_id, "display_name": name, "owner": user_id == home.owner_id}
            matching[user_id] = encoded(shown)[:-1]
    return matching


def _words(text: str) -> str:
    """The words of a text without capitals and accents, each after a blank: what begins a word follows a blank."""
    plain = "".join(c for c in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(c))
    words = _BETWEEN.sub(" ", plain).strip()
    return f" {words}" if words else ""
