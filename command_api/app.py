"""The command API's composition root: what there is, and who gets what. It must not hold any behaviour of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from functools import partial

from fastapi import FastAPI

from command_api.api import CommandApi
from command_api.channels import Channels
from command_api.routes import (
    auth,
    channels,
    courses,
    enrollments,
    messages,
    moderation,
    operations,
    reactions,
    reading,
    sessions,
    users,
)
from command_api.write import WritePath
from infra.event_store import open_event_store
from infra.passwords import Passwords
from infra.postgres import Role, connect, pool
from infra.presence import present
from infra.secrets import Secrets, load_secrets
from infra.session_ends import ErasedKeys
from infra.sessions import SessionWatch
from infra.settings import LogLevel, Settings, Switch, load_settings
from infra.telemetry import configure_logging
from infra.tokens import MAX_LIFETIME_SECONDS, issuing_tokens
from infra.web.application import new_application
from infra.web.auth import Authenticator
from infra.web.health import Check, add_health, not_ready
from infra.web.limits import RateLimits
from infra.web.server import settle

APPLICATION = "mimo-command"
SESSION_CONNECTIONS = 2
DESCRIPTION = """
What people want done. Every command answers the ids it made, its `position` in the log and a `Mimo-Bookmark`: send
that header to the query API to be shown at least that. Send an `Idempotency-Key` to repeat a command safely.
"""


def create() -> FastAPI:
    """The application with the settings of the environment: what each worker process calls."""
    settings = load_settings()
    configure_logging(settings, "command_api")
    app = new_command_api(settings, load_secrets(settings))
    settle()
    return app


def new_command_api(settings: Settings, secrets: Secrets) -> FastAPI:
    """The application.

    Args:
        settings: all settings.
        secrets: the server's own keys.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with _open(settings, secrets) as api:
            app.state.api = api
            app.state.authenticator = Authenticator(api.tokens, api.watch)
            yield

    app = new_application(
        "mimo commands",
        DESCRIPTION,
        lifespan=lifespan,
        allowed_origins=(*_page_origins(settings), *settings.allowed_origins),
        log_all=settings.log_level is LogLevel.DEBUG,
    )
    for noun in (
        messages, reactions, reading, enrollments, channels, courses, moderation, users, auth, sessions, operations
    ):  # fmt: skip
        noun.add_routes(app)
    add_health(app, _checks(lambda: app.state.api))
    return app


@asynccontextmanager
async def _open(settings: Settings, secrets: Secrets) -> AsyncIterator[CommandApi]:
    """Opens everything that commands need, and closes it at the end."""
    url = settings.require_database_url
    tokens = issuing_tokens(settings, secrets)
    own = partial(connect, url, application=f"{APPLICATION}-sessions", role=Role.COMMAND)
    async with (
        open_event_store(url) as store,
        pool(url, application=APPLICATION, role=Role.COMMAND, min_size=0, max_size=SESSION_CONNECTIONS) as asking,
    ):
        passwords = Passwords(settings.bcrypt_rounds)
        watch = SessionWatch(asking, own, MAX_LIFETIME_SECONDS, ErasedKeys(store.ring))
        limits = RateLimits(enabled=settings.rate_limits is Switch.ON)
        await watch.start()
        try:
            api = CommandApi(
                settings, secrets, store, WritePath(store), Channels(store), passwords, tokens, limits, watch
            )
            async with present(asking, "command API", partial(not_ready, _checks(lambda: api))):
                yield api
        finally:
            await watch.stop()
            passwords.close()


def _checks(api: Callable[[], CommandApi]) -> Mapping[str, Check]:
    return {"log": lambda: _log_answers(api()), "sessions": lambda: _sessions(api())}


async def _log_answers(api: CommandApi) -> str | None:
    """Asks the log for something small."""
    await api.store.first("course-")
    return None


async def _sessions(api: CommandApi) -> str | None:
    return await api.watch.ready()


def _page_origins(settings: Settings) -> list[str]:
    """Where our own pages come from: the query API serves them, and its /docs signs in here."""
    local = ("127.0.0.1", "localhost") if settings.host in ("127.0.0.1", "localhost", "::1") else (settings.host,)
    return [f"http://{host}:{settings.query_port}" for host in local]
