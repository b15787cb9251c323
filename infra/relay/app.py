"""The relay process's composition root. It must not hold any behaviour of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from fastapi import FastAPI

from events.catalog import TOPICS
from events.errors import CannotStart
from infra.kafka.cluster import Cluster
from infra.postgres import Role, connect, pool
from infra.presence import present
from infra.relay.progress import Progress
from infra.relay.relay import Relay
from infra.settings import Settings, load_settings
from infra.telemetry import configure_logging
from infra.web.application import new_application
from infra.web.beside import Beside
from infra.web.health import add_health, not_ready
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
    url = settings.require_database_url
    own = partial(connect, url, application=APPLICATION, role=Role.RELAY)
    telling = pool(url, application=APPLICATION, role=Role.RELAY, min_size=0, max_size=1)
    progress, beside = Progress(), Beside("relay")
    checks = {"relay": beside.checked(partial(_unready, progress))}

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with (
            telling as lent,
            beside.runs(Relay(own, cluster, TOPICS, progress).run()),
            present(lent, "relay", partial(not_ready, checks)),
        ):
            yield

    app = new_application("mimo relay", DESCRIPTION, lifespan=lifespan)
    add_health(app, checks)
    return app


async def _unready(progress: Progress) -> str | None:
    return progress.unready()
