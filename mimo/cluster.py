"""Which Kafka cluster the system uses: the one that settings name, or a broker of its own in the data folder.

It must not know what is published.
"""

from dataclasses import replace
from pathlib import Path

from events.errors import CannotStart
from infra.kafka.broker import LocalBroker
from infra.kafka.cluster import Cluster
from infra.kafka.configuration import PORT
from infra.settings import Settings

LOCAL = Cluster(bootstrap="")
"""How a broker of our own is used, but for its address."""


def own_broker_port(settings: Settings, kafka: bool, port: int | None) -> int | None:
    """On which port `mimo up` starts a broker of its own; None: it starts none.

    Args:
        settings: may name a cluster, which is then used.
        kafka: whether Kafka mode was asked for.
        port: asked for; that is asking for Kafka mode too.

    Raises:
        CannotStart: a port was asked for, and a cluster is named.
    """
    if settings.kafka_bootstrap is None:
        return (PORT if port is None else port) if kafka or port is not None else None
    if port is not None:
        raise CannotStart("MIMO_KAFKA_BOOTSTRAP names a cluster, so no broker is started: leave --kafka-port out.")
    return None


def local_broker(data: Path, port: int = 0) -> LocalBroker:
    """The broker of a data folder; nothing is started.

    Args:
        data: the data folder.
        port: for clients; 0: any free one.
    """
    return LocalBroker(data / "kafka", port)


def with_local_broker(settings: Settings, broker: LocalBroker) -> Settings:
    """The settings of a system that uses a broker of its own: alone, on this machine, without passwords."""
    own = {
        "kafka_bootstrap": broker.bootstrap,
        "kafka_security": LOCAL.security,
        "kafka_replication": LOCAL.replication,
    }
    return settings.model_copy(update=own)


def find_cluster(settings: Settings) -> Cluster | None:
    """The cluster that a system uses, for commands beside it; None: it was never given one.

    Args:
        settings: say where it is.

    Raises:
        CannotStart: it is a broker of its own, which is not running.
    """
    named = Cluster.of(settings)
    if named is not None:
        return named
    broker = local_broker(settings.data)
    found = broker.standing()
    if found.version is None:  # it was never started
        return None
    if found.address is None:
        raise CannotStart(
            f"The Kafka broker in {broker.folder} is not running: start it with `mimo up --kafka` or "
            "`mimo kafka start`."
        )
    return replace(LOCAL, bootstrap=found.address, prefix=settings.kafka_prefix)


def require_cluster(settings: Settings) -> Cluster:
    """The cluster that a system uses, for commands that need one.

    Raises:
        CannotStart: there is none, or it is not running.
    """
    cluster = find_cluster(settings)
    if cluster is None:
        raise CannotStart(
            f"{settings.data} was never used with Kafka: start it with `mimo up --kafka`, or name a cluster with "
            "MIMO_KAFKA_BOOTSTRAP."
        )
    return cluster
