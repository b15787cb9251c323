"""What `mimo up` starts beside the database: which processes, with which settings, and where they are ready.

It must not know what the applications do, only how they are started: `python -m <package>`, settings by environment.
"""

import os
import shutil
import sys
from collections.abc import Mapping

from infra.embedded_postgres import EmbeddedPostgres
from infra.kafka.broker import LocalBroker
from infra.settings import Settings
from mimo.ground import MARK
from mimo.part import Part

CONNECTIONS_PER_WORKER = 19
"""Of both APIs together: their pools, appends, tails (docs/operations.md)."""
CONNECTIONS_PER_PROJECTOR = 16
CONNECTIONS_OF_THE_RELAY = 3
CONNECTIONS_OF_OPERATIONS = 12
"""With one operation underway; for more at once, and for many jobs, there are the spare ones."""
SPARE_CONNECTIONS = 70
METRICS_FOLDER = "PROMETHEUS_MULTIPROC_DIR"


def connections(settings: Settings) -> int:
    """How many connections there may be: what all processes open at most, and some for operators."""
    of_apis = CONNECTIONS_PER_WORKER * settings.workers
    of_projectors = CONNECTIONS_PER_PROJECTOR * settings.projector_workers
    return of_apis + of_projectors + CONNECTIONS_OF_THE_RELAY + CONNECTIONS_OF_OPERATIONS + SPARE_CONNECTIONS


def wanted_ports(settings: Settings, kafka_port: int | None) -> dict[str, int]:
    """The ports that will be listened on, by the name of the setting or option.

    Args:
        settings: all settings.
        kafka_port: of a broker of our own, if there is one.
    """
    wanted = {
        "command_port": settings.command_port,
        "query_port": settings.query_port,
        "projector_port": settings.projector_port,
        "operations_port": settings.operations_port,
    }
    if kafka_port is not None or settings.kafka_bootstrap is not None:
        wanted["relay_port"] = settings.relay_port
    if kafka_port is not None:
        wanted["kafka_port"] = kafka_port
    return wanted


def parts(settings: Settings, postgres: EmbeddedPostgres | None, broker: LocalBroker | None) -> list[Part]:
    """What runs beside the database.

    Args:
        settings: all settings; with `kafka_bootstrap` the relay is one of the parts.
        postgres: the embedded database, if there is one.
        broker: our own Kafka broker, prepared, if there is one.
    """

    def part(name: str, package: str) -> Part:
        def environment() -> Mapping[str, str]:
            url = postgres.url() if postgres is not None else settings.require_database_url
            return _environment(settings, url, package)

        return Part(name, [sys.executable, "-m", package], environment)

    found = [] if broker is None else [_broker_part(settings, broker)]
    if settings.kafka_bootstrap is not None:
        found.append(part("relay", "infra.relay"))
    return [
        *found,
        part("projector", "projectors"),
        part("command API", "command_api"),
        part("query API", "query_api"),
        part("operations worker", "mimo.operating"),
    ]


def _broker_part(settings: Settings, broker: LocalBroker) -> Part:
    environment = {**broker.environment(), MARK: str(settings.data)}
    return Part(
        "Kafka broker",
        broker.command,
        lambda: environment,
        serves=True,
        folder=broker.folder,
        output=broker.folder / "output.log",
    )


def _environment(settings: Settings, database_url: str, package: str) -> Mapping[str, str]:
    """The settings as a process finds them; those that we were not given keep their defaults."""
    environment = {
        **os.environ,
        MARK: str(settings.data),
        "MIMO_DATA": str(settings.data),
        "MIMO_DATABASE_URL": database_url,
        "MIMO_HOST": settings.host,
        "MIMO_COMMAND_PORT": str(settings.command_port),
        "MIMO_QUERY_PORT": str(settings.query_port),
        "MIMO_PROJECTOR_PORT": str(settings.projector_port),
        "MIMO_RELAY_PORT": str(settings.relay_port),
        "MIMO_OPERATIONS_PORT": str(settings.operations_port),
        "MIMO_WORKERS": str(settings.workers),
        "MIMO_PROJECTOR_WORKERS": str(settings.projector_workers),
        "MIMO_LOG_LEVEL": settings.log_level.value,
    }
    if settings.kafka_bootstrap is not None:
        environment["MIMO_KAFKA_BOOTSTRAP"] = settings.kafka_bootstrap
        environment["MIMO_KAFKA_SECURITY"] = settings.kafka_security.value
        environment["MIMO_KAFKA_REPLICATION"] = str(settings.kafka_replication)
    if _processes(settings, package) > 1:
        folder = settings.data / "metrics" / package
        shutil.rmtree(folder, ignore_errors=True)  # the files of earlier workers would be counted again
        folder.mkdir(parents=True)
        environment[METRICS_FOLDER] = str(folder)
    return environment


def _processes(settings: Settings, package: str) -> int:
    """How many processes of a part share its port."""
    several = {"projectors": settings.projector_workers, "command_api": settings.workers, "query_api": settings.workers}
    return several.get(package, 1)


def ready_urls(settings: Settings) -> dict[str, str]:
    """By the part's name, the address that answers 200 when it is ready."""
    ports = {
        "command API": settings.command_port,
        "query API": settings.query_port,
        "projector": settings.projector_port,
        "operations worker": settings.operations_port,
    }
    if settings.kafka_bootstrap is not None:
        ports["relay"] = settings.relay_port
    return {name: f"{address(settings.host, port)}/readyz" for name, port in ports.items()}


def ready_line(settings: Settings) -> str:
    """The line that says where everything is."""
    command, query = (address(settings.host, port) for port in (settings.command_port, settings.query_port))
    kafka = f"  Kafka {settings.kafka_bootstrap}" if settings.kafka_bootstrap is not None else ""
    return f"ready  page {query}/  command API {command}  query API {query}{kafka}"


def address(host: str, port: int) -> str:
    """An address that reaches from this machine what listens there."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - compared, not bound
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
