"""The services of docker-compose.yml as processes of this machine, for where there is no container engine.

Each gets its exact command, its exact environment and a folder of its own with its volumes in it; its exact health
check is asked, and it is started when `depends_on` lets it. Only what a container has for itself is replaced: host
names and ports by ports of this machine, paths by paths in its folder. It must not know what the services do; what
the images of PostgreSQL and Kafka do before their command is in `tests/foreign_images.py`.
"""

import os
import re
import signal
import socket
import subprocess
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from infra.embedded_postgres import binary
from infra.processes import tied_to_parent
from infra.temporary_folder import temporary_folder
from infra.unprivileged import account_for
from tests.compose import CADDYFILE, TOOLS, compose, install, make_context, stages
from tests.foreign_images import begin_kafka, begin_postgres, make_database
from tests.ports import free_port
from tests.tools import program
from tests.until import until

START_SECONDS = 120.0
ONCE_SECONDS = 60.0
IMAGES = {"mimo:local": "mimo", "mimo-ingress:local": "ingress"}
PORTS = {
    "5432": "PGPORT",
    "8001": "MIMO_COMMAND_PORT",
    "8002": "MIMO_QUERY_PORT",
    "8003": "MIMO_PROJECTOR_PORT",
    "8004": "MIMO_RELAY_PORT",
    "8005": "MIMO_OPERATIONS_PORT",
    "8080": "", "8443": "", "8081": "", "9092": "", "9093": "",
}  # fmt: skip
"""What containers listen on, and how a process is told another port, where its environment or command does not say."""
NETWORK = ("172.16.0.0/12", "127.0.0.0/8")
"""Where Docker's networks are, and where ours is."""
SIGNALS = {"postgres": signal.SIGINT}
"""With what a container is stopped, where its image says another than SIGTERM."""


@cache
def programs() -> list[Path]:
    """Where the programs are that the images have: our packages', PostgreSQL's, and those that health checks use."""
    return [TOOLS, binary("psql").parent, *(Path(program(name, name)).parent for name in ("bash", "wget"))]


class Container:
    """One running copy of a service: what a container would be."""

    def __init__(self, name: str, service: Mapping[str, Any], folder: Path, ports: Mapping[str, str]) -> None:
        """Describe it.

        Args:
            name: of the service.
            service: as `docker compose config` describes it.
            folder: its root; volumes are links in it.
            ports: what stands for the ports of containers.
        """
        self.name, self.service, self.folder, self.ports = name, service, folder, ports
        self.log = folder / "said"
        self.place = folder / "var/lib/mimo"
        self.process: subprocess.Popen[bytes] | None = None
        image = stages()[IMAGES[service["image"]]].environment() if service["image"] in IMAGES else {}
        told = {variable: ports[port] for port, variable in PORTS.items() if variable}
        given = {**image, **(service.get("environment") or {}), "TMPDIR": "/tmp"}
        path = os.pathsep.join(map(str, programs()))  # of this machine: it may well be in a folder that containers have
        self.environment = {**{key: self.here(value) for key, value in given.items()}, **told, "PATH": path}

    def here(self, text: str) -> str:
        """What a word of its command or environment means on this machine."""
        places = [volume["target"] for volume in self.service.get("volumes", [])]
        places += [mount.partition(":")[0] for mount in self.service.get("tmpfs", [])] + ["/var/lib/mimo"]
        pattern = "|".join(re.escape(place) for place in sorted(places, key=len, reverse=True))
        text = re.sub(rf"(?<!\w)({pattern})(?=/|$)", lambda match: f"{self.folder}{match[0]}", text)
        text = re.sub(r"^(command-api|query-api)$|(?<=[@/])(postgres|kafka)(?=:\d)|^kafka(?=:\d)", "127.0.0.1", text)
        text = re.sub(rf"\b({'|'.join(PORTS)})\b", lambda match: self.ports[match[0]], text)
        return text.replace(*NETWORK).replace("/etc/caddy/Caddyfile", str(CADDYFILE))

    def command(self, *more: str) -> list[str]:
        """Its command, or its entrypoint with other words."""
        words = (*(self.service.get("entrypoint") or ()), *(more or self.service.get("command") or ()))
        return [self.here(word) for word in words]

    def begin(self, command: Sequence[str], **options: Any) -> None:
        """Start it without waiting."""
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                command, env=self.environment, cwd=self.place, stdin=subprocess.DEVNULL, stdout=output,
                stderr=output, start_new_session=True, preexec_fn=tied_to_parent(signal.SIGTERM), **options,
            )  # fmt: skip

    def run(self, *words: str) -> str:
        """Run it once with these words, as `docker compose run --rm` does; what it printed."""
        return self.execute(self.command(*words)).decode()

    def execute(self, command: Sequence[str], given: bytes | None = None, **environment: str) -> bytes:
        """Run a program in it, as `docker compose exec` does.

        Args:
            command: the program and its arguments, which mean what they mean here.
            given: to its standard input.
            environment: on top of its own.

        Returns:
            What it printed.
        """
        done = subprocess.run(
            command, env={**self.environment, **environment}, cwd=self.place, input=given, capture_output=True,
            timeout=ONCE_SECONDS, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{self.name} {command}: {done.stdout.decode()}{done.stderr.decode()}"
        return done.stdout

    def is_healthy(self) -> bool:
        """What its health check says; one that has ended will never be."""
        assert self.process is not None
        assert self.process.poll() is None, f"{self.name} ended: {self.said()[-3000:]}"
        if any(_refused(port) for container, port in self.ports.items() if container in _asked(self.service)):
            return False  # asking properly costs a process
        test = [self.here(word) for word in self.service["healthcheck"]["test"][1:]]
        done = subprocess.run(test, env=self.environment, cwd=self.folder, capture_output=True, check=False, timeout=30)
        return done.returncode == 0

    def said(self) -> str:
        """What it has written so far."""
        return self.log.read_text(errors="replace")

    def stop(self) -> int:
        """Ask it to end, as Docker does; its exit code, or a failure if it takes longer than its grace period."""
        assert self.process is not None
        self.process.send_signal(SIGNALS.get(self.name, signal.SIGTERM))
        grace = re.fullmatch(r"(?:(\d+)m)?(?:(\d+)s)?", self.service["stop_grace_period"])
        assert grace is not None
        return self.process.wait(60 * int(grace[1] or 0) + int(grace[2] or 0))


class Containers:
    """All services, on a folder."""

    def __init__(self, folder: Path, **environment: str) -> None:
        """Describe them; nothing is started.

        Args:
            folder: for everything; reachable by an unprivileged account when the tests run as root.
            environment: the variables that an operator may set.
        """
        self.folder = folder
        self.services: dict[str, dict[str, Any]] = compose(**environment)["services"]
        self.ports = {port: str(free_port()) for port in PORTS}
        self.running: list[Container] = []
        make_context(folder / "context")
        install(folder / "context", folder / "installed")

    def address(self, port: int) -> str:
        """Where a port of a container is on this machine."""
        return f"127.0.0.1:{self.ports[str(port)]}"

    def container(self, name: str, number: int = 1) -> Container:
        """A container of a service with its volumes; it is not started."""
        root = self.folder / "containers" / f"{name}-{number}"
        service = self.services[name]
        for mount in service.get("tmpfs", []):
            (root / mount.partition(":")[0].lstrip("/")).mkdir(parents=True, exist_ok=True)
        (root / "var/lib/mimo").mkdir(parents=True, exist_ok=True)
        for volume in service.get("volumes", []):
            target = root / volume["target"].lstrip("/")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.unlink(missing_ok=True)
            target.symlink_to(volume["source"] if volume["type"] == "bind" else self._volume(volume["source"]))
        own = {} if number == 1 else {port: str(free_port()) for port in PORTS if port in _asked(service)}
        made = Container(name, service, root, {**self.ports, **own})
        made.environment["PYTHONPATH"] = str(self.folder / "installed")
        return made

    def up(self, *names: str, **scale: int) -> None:
        """Start services and all that they need, each when `depends_on` lets it: `docker compose up --wait`.

        Args:
            names: of the services; by default all but the operator's.
            scale: how many of which (`-` written as `_`).
        """
        copies = {name.replace("_", "-"): number for name, number in scale.items()}
        wanted = list(names) or [name for name, service in self.services.items() if not service.get("profiles")]
        missing = {needed for name in wanted for needed in (name, *self._needed(name))} - {
            one.name for one in self.running
        }
        while missing:
            ready = until(
                lambda: [name for name in missing if self._may_start(name, missing)], "what others need", START_SECONDS
            )
            for name in ready:
                missing.remove(name)
                for number in range(1, copies.get(name, 1) + 1):
                    self._start(self.container(name, number))
        for container in self.running:
            until(container.is_healthy, f"{container.name} is healthy: {container.said()[-3000:]}", START_SECONDS)

    def _needed(self, name: str) -> set[str]:
        """All that a service needs, directly or not."""
        direct = set(self.services[name].get("depends_on", {}))
        return direct.union(*(self._needed(needed) for needed in direct))

    def _may_start(self, name: str, missing: Collection[str]) -> bool:
        for needed, how in self.services[name].get("depends_on", {}).items():
            if needed in missing:
                return False
            if how["condition"] == "service_healthy" and not all(one.is_healthy() for one in self.of(needed)):
                return False
        return True

    def _start(self, container: Container) -> None:
        if "healthcheck" not in container.service:
            container.run()
            return
        self.running.append(container)
        if container.name == "postgres":
            begin_postgres(container, account_for(self._volume("postgres")))
            until(container.is_healthy, "PostgreSQL is healthy", START_SECONDS)
            make_database(container)
        elif container.name == "kafka":
            begin_kafka(container)
        else:
            container.begin(container.command())

    def restart(self, name: str) -> None:
        """Stop a service's containers and start them anew: `docker compose restart`, but one after the other."""
        for container in self.of(name):
            container.stop()
            self.running.remove(container)
            self._start(container)
            until(container.is_healthy, f"{name} is healthy again", START_SECONDS)

    def down(self) -> None:
        """Stop everything in order: `docker compose down`."""
        while self.running:
            self.running[-1].stop()
            self.running.pop()

    def of(self, name: str) -> list[Container]:
        """The running containers of a service."""
        return [container for container in self.running if container.name == name]

    def end(self) -> None:
        """Whatever happened: leave nothing running."""
        for container in reversed(self.running):
            if container.process is not None and container.process.poll() is None:
                os.killpg(container.process.pid, signal.SIGKILL)
                container.process.wait()

    def _volume(self, name: str) -> Path:
        volume = self.folder / "volumes" / name
        volume.mkdir(parents=True, exist_ok=True)
        return volume


def _refused(port: str) -> bool:
    """Whether nobody listens on a port of this machine."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", int(port))) != 0


def _asked(service: Mapping[str, Any]) -> str:
    """The words of a health check: they name the ports that are the container's own."""
    return " ".join(service.get("healthcheck", {}).get("test", ()))


@contextmanager
def containers(**environment: str) -> Iterator[Containers]:
    """All services on a temporary folder, which is deleted at the end."""
    with temporary_folder("mimo-containers-") as folder:
        folder.chmod(0o755)  # as root, PostgreSQL runs under another account
        made = Containers(folder, **environment)
        try:
            yield made
        finally:
            made.end()
