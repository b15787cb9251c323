"""Profiles: one's own with e-mail and roles, everybody else's without.

It must not know SQL nor how freshness is kept.
"""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import FastAPI, Query

from events.errors import NotCaughtUp, NotFound
from infra.web.answer import Ready
from infra.web.auth import Authenticated
from infra.web.lean import LeanRoute
from query_api import shapes
from query_api.answers import Composed
from query_api.asked import Asks
from query_api.dependencies import Answering
from query_api.reading import Reading
from query_api.views.users import PERSON, Person
from query_api.wire import encoded

BEHIND = ("users",)
MAX_IDS = 100

SomeIds = Annotated[
    list[UUID], Query(alias="id", min_length=1, max_length=MAX_IDS, description="Whose; give it several times.")
]


async def me(caller: Authenticated, answers: Answering, asked: Asks) -> Ready:
    """One's own profile."""

    async def compose(reading: Reading) -> Composed:
        person = await reading.one(PERSON, caller.user_id)
        if person is None:
            raise NotCaughtUp("Your registration is not in the view yet.")
        shown = {**public(person), "email": person.email, "roles": person.roles}
        return Composed(encoded(shown))

    return await answers.answer(asked, ("me", caller.user_id), BEHIND, compose)


async def user(user_id: UUID, _caller: Authenticated, answers: Answering, asked: Asks) -> Ready:
    """Somebody's public profile."""

    async def compose(reading: Reading) -> Composed:
        person = await reading.one(PERSON, user_id)
        if person is None:
            raise NotFound("There is no such user.")
        return Composed(encoded(public(person)))

    return await answers.answer(asked, ("user", user_id), BEHIND, compose)


async def some(ids: SomeIds, _caller: Authenticated, answers: Answering, asked: Asks) -> Ready:
    """The public profiles of several people, in the order asked for; who does not exist is missing."""
    wanted = tuple(dict.fromkeys(ids))

    async def compose(reading: Reading) -> Composed:
        people = [person for person in await reading.many(PERSON, wanted) if person is not None]
        return Composed(encoded({"items": [public(person) for person in people], "next_cursor": None}))

    return await answers.answer(asked, ("users", wanted), BEHIND, compose)


def public(person: Person) -> dict[str, object]:
    """What everybody may see of someone."""
    return {"user_id": person.user_id, "display_name": person.display_name, "joined_at": person.joined_at}


def add_routes(app: FastAPI) -> None:
    """Adds the routes of this noun."""
    answers = shapes.reads("not_found")
    for path, endpoint, shape in (
        ("/v1/me", me, shapes.Me),
        ("/v1/users", some, shapes.UserList),
        ("/v1/users/{user_id}", user, shapes.User),
    ):
        app.router.add_api_route(
            path,
            endpoint,
            response_model=shape,
            responses=answers,
            tags=["users"],
            route_class_override=LeanRoute,
        )
