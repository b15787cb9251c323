"""A cluster with passwords and certificates, as settings name it: let in with the right ones, a sentence otherwise."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from events.catalog import TOPICS
from events.errors import CannotStart
from infra.ids import new_id
from infra.kafka.cluster import Cluster
from infra.kafka.inspection import inspect_topics
from infra.relay.holdings import read_holdings
from infra.settings import load_settings
from tests.integration.one_relay import OneRelay
from tests.secured_broker import BOTH, PASSWORD, SASL, TLS, USER, Authority, Secured, secured_broker

LOGIN = {"kafka_username": USER, "kafka_password": PASSWORD}


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    with secured_broker(tmp_path_factory.mktemp("secured")) as found:
        yield found


def cluster(secured: Secured, security: str, **settings: Any) -> Cluster:
    """What the settings make of it, with topics of its own."""
    address, prefix = secured.addresses[security], f"{new_id().hex}."
    given = {"kafka_bootstrap": address, "kafka_security": security, "kafka_prefix": prefix, **settings}
    found = Cluster.of(load_settings(**given))
    assert found is not None
    return found


def certificates(secured: Secured) -> dict[str, Path]:
    return {
        "kafka_ca_file": secured.ca, "kafka_cert_file": secured.certificate, "kafka_key_file": secured.key,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("security", "mechanism"),
    [(SASL, "PLAIN"), (SASL, "SCRAM-SHA-256"), (SASL, "SCRAM-SHA-512"), (BOTH, "SCRAM-SHA-512"), (TLS, None)],
)
async def test_topics_relay_and_readers_are_let_in(
    secured: Secured, database_url: str, security: str, mechanism: str | None
) -> None:
    login = {} if mechanism is None else {**LOGIN, "kafka_sasl_mechanism": mechanism}
    tls = {} if security == SASL else certificates(secured)
    found = cluster(secured, security, **login, **tls)
    admin = await asyncpg.connect(database_url)
    try:
        one = OneRelay(database_url, found, admin)
        await one.write(20)
        async with one.running():
            await one.until_copied()
        assert sum(holding.events for holding in await read_holdings(found, TOPICS)) == len(one.log.events)
    finally:
        await admin.close()


async def refusal(found: Cluster) -> str:
    with pytest.raises(CannotStart) as refused:
        await inspect_topics(found, TOPICS)
    return str(refused.value)


async def test_a_wrong_password_is_said_and_not_told(secured: Secured) -> None:
    said = await refusal(cluster(secured, SASL, **{**LOGIN, "kafka_password": "guessed"}))
    assert secured.addresses[SASL] in said
    assert "Authentication failed" in said
    assert "guessed" not in said


async def test_a_broker_that_nobody_vouches_for_is_not_talked_to(secured: Secured, tmp_path: Path) -> None:
    said = await refusal(cluster(secured, BOTH, **LOGIN, kafka_ca_file=Authority(tmp_path, "stranger").file))
    assert secured.addresses[BOTH] in said
    assert "CERTIFICATE_VERIFY_FAILED" in said


async def test_a_broker_that_wants_a_certificate_lets_nobody_in_without(secured: Secured) -> None:
    assert secured.addresses[TLS] in await refusal(cluster(secured, TLS, kafka_ca_file=secured.ca))


async def test_what_is_missing_is_said_before_anything_is_tried(secured: Secured, tmp_path: Path) -> None:
    assert "needs MIMO_KAFKA_USERNAME and MIMO_KAFKA_PASSWORD" in await refusal(cluster(secured, SASL))
    missing = tmp_path / "none.pem"
    said = await refusal(cluster(secured, TLS, kafka_ca_file=missing))
    assert f"The certificates for Kafka cannot be read ({missing})" in said
