"""`mimo up`: the whole system on one machine: checks the ground, starts the servers, migrates, then supervises.

It must not know what the parts are, nor how the ground is checked.
"""

import asyncio
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from events.errors import CannotStart
from infra.embedded_postgres import EmbeddedPostgres
from infra.kafka.broker import LocalBroker
from infra.kafka.jars import class_path, kafka_version
from infra.migrations.runner import migrate
from infra.postgres import without_password
from infra.secrets import load_secrets
from infra.settings import Settings, Switch
from mimo.cluster import local_broker, with_local_broker
from mimo.database import embedded_postgres, prepare_folder
from mimo.ground import end_left_overs, free_ports, locked
from mimo.parts import connections, parts, ready_line, ready_urls, wanted_ports
from mimo.signals import Signals
from mimo.supervisor import Say, Supervisor


def up(settings: Settings, say: Say, ready: Callable[[str], None], kafka_port: int | None = None) -> None:
    """Run the system until SIGINT or SIGTERM.

    Args:
        settings: as given by environment and command line; with `kafka_bootstrap`, in Kafka mode on that cluster.
        say: tells the person at the terminal a sentence.
        ready: receives the one line that says where everything is, once it can be used.
        kafka_port: in Kafka mode with a broker of our own on this port; 0: any free one.

    Raises:
        CannotStart: something outside is missing or wrong; all that was started has ended.
    """
    data = prepare_folder(settings.data)
    if kafka_port is not None:
        class_path(say)  # may take minutes, once: before signals are ours, so that Ctrl-C ends it
    with ExitStack() as stack:
        signals = stack.enter_context(Signals())
        stack.enter_context(locked(data))
        end_left_overs(data, say)
        ports = free_ports(settings.host, wanted_ports(settings, kafka_port))
        broker = _broker(data, ports.pop("kafka_port", None), stack)
        settings = settings.model_copy(update={"data": data, **ports})
        try:
            postgres = _database(settings, stack, signals, say)
            if postgres is not None:
                settings = settings.model_copy(update={"database_url": postgres.url()})
            asyncio.run(migrate(settings.require_database_url, partitions=settings.partitions))
            load_secrets(settings)  # made here once, not by several processes at the same moment
            settings = _kafka(settings, broker, say)
            if settings.rate_limits is Switch.OFF:
                say("RATE LIMITS ARE OFF: anybody may try passwords as fast as they like. For load tests only.")
            supervisor = Supervisor(parts(settings, postgres, broker), ready_urls(settings), postgres, say)
            supervisor.run(signals, lambda: ready(ready_line(settings)))
        except CannotStart:
            if not signals.stopping:
                raise
    say("Stopped.")


def _broker(data: Path, port: int | None, stack: ExitStack) -> LocalBroker | None:
    """Our own Kafka broker, not started yet, if there is to be one.

    Raises:
        CannotStart: one that was started by hand works on the folder.
    """
    if port is None:
        return None
    broker = local_broker(data, port)
    stack.enter_context(broker.held())
    running = broker.standing()
    if running.pid is not None:
        raise CannotStart(
            f"A Kafka broker (pid {running.pid}) works in {broker.folder} already: end it with `mimo kafka stop`, or "
            f"use it by MIMO_KAFKA_BOOTSTRAP={running.address}."
        )
    return broker


def _kafka(settings: Settings, broker: LocalBroker | None, say: Say) -> Settings:
    """Get our own broker ready to be started, if there is one; returns the settings with its address."""
    if broker is not None:
        say(f"Starting Kafka {kafka_version()} in {broker.folder}.")
        broker.prepare(say)
        return with_local_broker(settings, broker)
    if settings.kafka_bootstrap is not None:
        say(f"Using Kafka at {settings.kafka_bootstrap}.")
    return settings


def _database(settings: Settings, stack: ExitStack, signals: Signals, say: Say) -> EmbeddedPostgres | None:
    """Start the embedded server, unless the settings name another."""
    if settings.database_url is not None:
        say(f"Using PostgreSQL at {without_password(settings.database_url)}.")
        return None
    postgres = embedded_postgres(settings.data, {"max_connections": str(connections(settings))})
    say(f"Starting PostgreSQL in {postgres.folder}.")
    stack.callback(postgres.stop)
    postgres.start(gave_up=lambda: signals.stopping)
    return postgres
