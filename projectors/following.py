"""What projections follow: the log in PostgreSQL, or in Kafka mode the topics. It must not know any projection."""

from __future__ import annotations

from events.ports import EventLog
from infra.event_log.kafka import KafkaLog
from infra.event_log.membership import Pace
from infra.event_log.postgres import PostgresLog
from infra.kafka.cluster import Cluster
from infra.settings import Settings
from projectors.session import Connect


def log_of(settings: Settings, connect: Connect, pace: Pace | None = None) -> EventLog:
    """The log as the settings have it.

    Args:
        settings: say whether there is Kafka.
        connect: opens a connection in the role that writes views.
        pace: at which those who share partitions notice one another; None: the usual one.

    Raises:
        CannotStart: certificates or passwords cannot be used.
    """
    cluster = Cluster.of(settings)
    if cluster is None:
        return PostgresLog(connect, pace=pace)
    cluster.client_options("mimo-projector")  # whatever is wrong with certificates and passwords is said now
    return KafkaLog(connect, cluster, pace=pace)
