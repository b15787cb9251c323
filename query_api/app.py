"""The query API's composition root: what there is, and who gets what. It must not hold any behaviour of its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from functools import partial

import asyncpg
from fastapi import FastAPI

from infra.postgres import AWAY, Role, connect, pool
from infra.presence import present
from infra.sessions import SessionWatch
from infra.settings import LogLevel, Settings, load_settings
from infra.telemetry import configure_logging
from infra.tokens import MAX_LIFETIME_SECONDS, TokenVerifier, token_verifier
from infra.web.application import new_application
from infra.web.auth import TOKEN_PATH, Authenticator
from infra.web.health import Check, add_health, not_ready
from infra.web.server import settle
from query_api.answers import Answers
from query_api.cache import ReadCache
from query_api.desk import DESK_CONNECTIONS, Desk
from query_api.freshness import SILENCE_SECONDS, Freshness
from query_api.live.live import Live
from query_api.measured import Shown
from query_api.routes import (
    books,
    channels,
    courses,
    enrollments,
    events,
    live,
    members,
    messages,
    moderation,
    operations,
    pipeline,
    search,
    sessions,
    users,
)
from query_api.web.pages import add_pages

APPLICATION = "mimo-query"
NOUNS = (
    users, sessions, courses, enrollments, channels, members, messages, search, moderation, live, pipeline, operations,
    books, events,
)  # fmt: skip
POOL_CONNECTIONS = 6
STATEMENT_SECONDS = 4.0
ROWS_BYTES = 96 * 1024 * 1024
ANSWERS_BYTES = 64 * 1024 * 1024
DESCRIPTION = """
What mimo knows, ready to be shown. Send the `Mimo-Bookmark` that a command answered to be shown at least that;
every answer carries the bookmark that it reflects, and an `ETag`.
"""


def create() -> FastAPI:
    """The application with the settings of the environment: what each worker process calls."""
    settings = load_settings()
    configure_logging(settings, "query_api")
    app = new_query_api(settings, token_verifier(settings))
    settle()
    return app


def new_query_api(settings: Settings, tokens: TokenVerifier) -> FastAPI:
    """The application.

    Args:
        settings: all settings.
        tokens: verifies access tokens.
    """
    app = new_application(
        "mimo queries",
        DESCRIPTION,
        lifespan=_lifespan(settings, tokens),
        allowed_origins=settings.allowed_origins,
        token_url=f"http://{settings.host}:{settings.command_port}{TOKEN_PATH}",
        log_all=settings.log_level is LogLevel.DEBUG,
    )
    for noun in NOUNS:
        noun.add_routes(app)
    add_pages(app, settings)
    add_health(app, _checks(app))
    return app


def _checks(app: FastAPI) -> Mapping[str, Check]:
    return {
        "database": lambda: _database(app.state.pool),
        "freshness": lambda: _freshness(app.state.freshness),
        "sessions": lambda: _sessions(app.state.watch),
    }


def _lifespan(settings: Settings, tokens: TokenVerifier) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    """What runs beside the requests, and what they are handed."""
    url = settings.require_database_url

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        own = partial(connect, url, application=APPLICATION, role=Role.QUERY)
        lending = partial(
            pool, url, application=APPLICATION, role=Role.QUERY, min_size=0, command_timeout=STATEMENT_SECONDS
        )
        async with lending(max_size=POOL_CONNECTIONS) as connections, lending(max_size=DESK_CONNECTIONS) as of_desk:
            freshness = Freshness(ReadCache(ROWS_BYTES), own)
            listeners = app.state.live = Live(connections, own, settings.allowed_origins)
            watch = SessionWatch(connections, own, MAX_LIFETIME_SECONDS, *listeners.followers)
            answers = Answers(connections, freshness, ANSWERS_BYTES)
            app.state.pool, app.state.freshness, app.state.watch = connections, freshness, watch
            app.state.desk = Desk(of_desk)
            app.state.answers, app.state.authenticator = answers, Authenticator(tokens, watch)
            freshness.observe(partial(_show, Shown(), freshness, answers))
            beside = [
                asyncio.create_task(work.run(), name=name)
                for name, work in (("freshness", freshness), ("live", listeners))
            ]
            await watch.start()
            try:
                await freshness.first_look(SILENCE_SECONDS)
                async with present(connections, "query API", partial(not_ready, _checks(app))):
                    yield
            finally:
                for task in beside:
                    task.cancel()
                    with suppress(asyncio.CancelledError):
                        await task
                await watch.stop()

    return lifespan


def _show(shown: Shown, freshness: Freshness, answers: Answers) -> None:
    shown.show(len(freshness.cache), freshness.cache.size_bytes, freshness.current(), answers.made_from)


async def _database(connections: asyncpg.Pool) -> str | None:
    try:
        await connections.fetchval("select 1")
    except (asyncpg.PostgresError, *AWAY) as error:
        return f"the database does not answer: {type(error).__name__}"
    return None


async def _freshness(freshness: Freshness) -> str | None:
    if not freshness.current():
        return "how far the views have come was not heard for more than a second"
    if missing := freshness.missing():
        return f"views that are not built yet: {', '.join(missing)}"
    return None


async def _sessions(watch: SessionWatch) -> str | None:
    return await watch.ready()
