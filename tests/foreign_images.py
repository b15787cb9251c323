"""What the images of PostgreSQL and Kafka do before they start their server, with the programs of this machine.

PostgreSQL's makes a cluster and a database and runs the scripts in /docker-entrypoint-initdb.d; Kafka's has a program
of Kafka itself write its configuration from the environment and format its storage. It must not know who uses them.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from infra.embedded_postgres import binary
from infra.kafka.jars import class_path
from infra.kafka.java import find_java
from infra.unprivileged import Account

if TYPE_CHECKING:
    from tests.containers import Container

SECONDS = 60.0
KAFKA_FOLDERS = ("--default-configs-dir", "--mounted-configs-dir", "--final-configs-dir")
CLUSTER_ID = "5L6g3nShT-eMCtK--X86sw"
"""What the image takes when it is told none."""


def begin_postgres(container: Container, account: Account) -> None:
    """Make the cluster if there is none, and start the exact command.

    Args:
        container: of the service.
        account: that the server runs under.
    """
    data = (container.folder / "var/lib/postgresql").resolve()
    account.own(data)
    environment = container.environment
    environment["PGDATA"] = str(data / "18" / "docker")
    if not Path(environment["PGDATA"]).exists():
        Path(environment["PGDATA"]).parent.mkdir()
        account.own(Path(environment["PGDATA"]).parent)
        options = environment["POSTGRES_INITDB_ARGS"].split()
        superuser = ["--username=postgres", f"--pwfile={environment['POSTGRES_PASSWORD_FILE']}"]
        command = ["initdb", *superuser, *options, "--auth-local=trust", "--auth-host=scram-sha-256"]
        _run(container, command, **account.popen_arguments)
    name, *words = container.command()
    assert name == "postgres"
    sockets = ["-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories="]
    container.begin([str(binary("postgres")), *words, *sockets], **account.popen_arguments)


def make_database(container: Container) -> None:
    """What the image does when the cluster is new: make the database, and run our script against it."""
    databases = ["psql", "--dbname=postgres", "-Atc", "select datname from pg_database"]
    name = container.environment["POSTGRES_DB"]
    if name not in as_superuser(container, databases).decode().split():
        as_superuser(container, ["createdb", name])
        make_logins(container)


def make_logins(container: Container) -> None:
    """Run the script that stands in /docker-entrypoint-initdb.d, as the superuser."""
    (script,) = (container.folder / "docker-entrypoint-initdb.d").iterdir()
    here = container.folder / "script.sql"
    here.write_text(container.here(script.read_text()))
    as_superuser(container, ["psql", "--quiet", f"--dbname={container.environment['POSTGRES_DB']}", f"--file={here}"])


def as_superuser(container: Container, command: Sequence[str], given: bytes | None = None) -> bytes:
    """Run a client of the database; in the container the superuser needs no password, because it has a socket."""
    password = Path(container.environment["POSTGRES_PASSWORD_FILE"]).read_text()
    return container.execute(command, given, PGHOST="127.0.0.1", PGUSER="postgres", PGPASSWORD=password)


def begin_kafka(container: Container) -> None:
    """Have the configuration written and the storage formatted, and start the broker."""
    environment = {"CLUSTER_ID": CLUSTER_ID, **container.environment}
    folders = [container.folder / name for name in ("default", "mounted", "opt/kafka/config")]
    for folder in folders:
        folder.mkdir(parents=True, exist_ok=True)
    java = [str(find_java()), *environment["KAFKA_HEAP_OPTS"].split(), "-XX:TieredStopAtLevel=1"]
    java += ["-cp", os.pathsep.join(map(str, class_path()))]
    arguments = [word for pair in zip(KAFKA_FOLDERS, map(str, folders), strict=True) for word in pair]
    container.environment = environment
    _run(container, [*java, "kafka.docker.KafkaDockerWrapper", "setup", *arguments], allowed="already formatted")
    container.begin([*java, "kafka.Kafka", str(folders[-1] / "server.properties")])


def _run(container: Container, command: Sequence[str], allowed: str | None = None, **options: object) -> str:
    done = subprocess.run(
        command, env=container.environment, cwd="/", stdin=subprocess.DEVNULL,
        capture_output=True, text=True, timeout=SECONDS, check=False, **options,  # type: ignore[call-overload]
    )  # fmt: skip
    said = str(done.stdout + done.stderr)
    assert done.returncode == 0 or (allowed is not None and allowed in said.lower()), said
    return str(done.stdout)
