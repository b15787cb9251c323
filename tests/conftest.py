"""Fixtures that all kinds of tests share: a PostgreSQL server, a migrated database of one's own, a Kafka broker."""

import os
import signal
from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from infra.embedded_postgres import EmbeddedPostgres
from tests.kafka import throw_away_broker
from tests.postgres import TEMPLATE, cloned_database, make_template, throw_away_server

for name in [name for name in os.environ if name.startswith("MIMO_")]:
    del os.environ[name]  # tests must never meet somebody's real installation

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # Started in the background (`make test &`), all that we start would not hear Ctrl-C either.
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[EmbeddedPostgres]:
    """A throw-away server for the whole run."""
    with throw_away_server() as server:
        yield server


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def template_database(postgres_server: EmbeddedPostgres) -> str:
    """The name of a migrated, empty database, to clone."""
    await make_template(postgres_server)
    return TEMPLATE


@pytest_asyncio.fixture(loop_scope="session")
async def database_url(postgres_server: EmbeddedPostgres, template_database: str) -> AsyncIterator[str]:
    """The address of an empty migrated database for one test."""
    async with cloned_database(postgres_server, template_database) as url:
        yield url


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def shared_database_url(postgres_server: EmbeddedPostgres, template_database: str) -> AsyncIterator[str]:
    """The address of a migrated database that the tests of one module share."""
    async with cloned_database(postgres_server, template_database) as url:
        yield url


@pytest.fixture(scope="session")
def kafka_server() -> Iterator[str]:
    """The address of a throw-away broker for the whole run; tests that share it take a topic prefix of their own each.

    Who kills brokers starts one for itself (`tests.kafka.throw_away_broker`).
    """
    with throw_away_broker() as broker:
        yield broker.bootstrap
