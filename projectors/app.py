"""The projector process's composition root. It must not hold any behaviour of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial

from fastapi import FastAPI

from infra.postgres import Role, connect, pool
from infra.presence import present
from infra.settings import Settings, load_settings
from infra.telemetry import configure_logging
from infra.web.application import new_application
from infra.web.beside import Beside
from infra.web.health import Check, add_health, not_ready
from infra.web.server import settle
from projectors.following import log_of
from projectors.views import PROJECTIONS
from projectors.worker import Worker

APPLICATION = "mimo-projector"
KEY_CONNECTIONS = 2
DESCRIPTION = "How the views come along: whether they keep up with the log, and if not, why."


def create() -> FastAPI:
    """The application with the settings of the environment."""
    settings = load_settings()
    configure_logging(settings, "projectors")
    app = new_projector(settings)
    settle()
    return app


def new_projector(settings: Settings) -> FastAPI:
    """Liveness, readiness and metrics, with the projections running beside.

    Args:
        settings: all settings.
    """
    url = settings.require_database_url
    own = partial(connect, url, application=APPLICATION, role=Role.PROJECTOR)
    log = log_of(settings, own)
    keys = pool(url, application=APPLICATION, role=Role.PROJECTOR, min_size=0, max_size=KEY_CONNECTIONS)
    beside = Beside("projection worker")

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with keys as opened:
            worker = Worker(PROJECTIONS, own, log, opened)
            app.state.checks = worker.checks
            asked = partial(not_ready, _checks(app, beside))
            async with beside.runs(worker.run()), present(opened, "projector", asked):
                yield

    app = new_application("mimo projections", DESCRIPTION, lifespan=lifespan)
    add_health(app, _checks(app, beside))
    return app


def _checks(app: FastAPI, beside: Beside) -> Mapping[str, Check]:
    return {projection.name: beside.checked(partial(_check, app, projection.name)) for projection in PROJECTIONS}


async def _check(app: FastAPI, name: str) -> str | None:
    reason: str | None = await app.state.checks[name]()
    return reason
