"""The operations worker's composition root. It must not hold any behaviour of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from fastapi import FastAPI

from infra.postgres import Role, pool
from infra.presence import present
from infra.settings import Settings, load_settings
from infra.telemetry import configure_logging
from infra.web.application import new_application
from infra.web.beside import Beside
from infra.web.health import add_health, not_ready
from infra.web.server import settle
from mimo.operating.worker import APPLICATION, Worker

DESCRIPTION = "Whether what operators ask for at the desk is carried out, and if not, why."


def create() -> FastAPI:
    """The application with the settings of the environment."""
    settings = load_settings()
    configure_logging(settings, "operations")
    app = new_operations_worker(settings)
    settle()
    return app


def new_operations_worker(settings: Settings) -> FastAPI:
    """Liveness, readiness and metrics, with the worker beside.

    Args:
        settings: all settings.
    """
    worker, beside = Worker(settings), Beside("operations worker")
    telling = pool(settings.require_database_url, application=APPLICATION, role=Role.PROJECTOR, min_size=0, max_size=1)
    checks = {"operations": beside.checked(worker.unready)}

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with (
            telling as lent,
            beside.runs(worker.run()),
            present(lent, "operations worker", partial(not_ready, checks)),
        ):
            yield

    app = new_application("mimo operations", DESCRIPTION, lifespan=lifespan)
    add_health(app, checks)
    return app
