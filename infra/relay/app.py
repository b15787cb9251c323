"""The relay process's composition root. It must not hold any behaviour of its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import partial

from fastapi import FastAPI

from events.catalog import TOPICS
from events.errors import CannotStart
from infra.kafka.cluster import Cluster
from infra.postgres import Role, connect
from infra.relay.progress import Progress
from infra.relay.relay import Relay
from infra.settings import Settings, load_settings
from infra.telemetry import configure_logging
from infra.web.application import new_application
from infra.web.health import add_health
from infra.web.server import settle

APPLICATION = "mimo-relay"
DESCRIPTION = "How the log gets to Kafka: whether it keeps up, and if not, why."


def create() -> FastAPI:
    """The application with the settings of the environment."""
    settings = load_settings()
    configure_logging(settings, "relay")
    app = new_relay(settings)
    settle()
    return app


def new_relay(settings: Settings) -> FastAPI:
    """Liveness, readiness and metrics, with the relay running beside.

    Args:
        settings: all settings.

    Raises:
        CannotStart: the settings name no Kafka cluster.
    """
    cluster = Cluster.of(settings)
    if cluster is None:
        raise CannotStart(
            "MIMO_KAFKA_BOOTSTRAP is not set: say where Kafka is, or start it all with `mimo up --kafka`."
        )
    cluster.client_options("relay")  # whatever is wrong with certificates and passwords is said now
    own = partial(connect, settings.require_database_url, application=APPLICATION, role=Role.RELAY)
    progress = Progress()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        running = asyncio.create_task(Relay(own, cluster, TOPICS, progress).run(), name="relay")
        app.state.running = running
        try:
            yield
        finally:
            running.cancel()
            with suppress(asyncio.CancelledError):
                await running

    app = new_application("mimo relay", DESCRIPTION, lifespan=lifespan)
    add_health(app, {"relay": partial(_check, app, progress)})
    return app


async def _check(app: FastAPI, progress: Progress) -> str | None:
    if app.state.running.done():
        return "the relay has ended; see the log"
    return progress.unready()
