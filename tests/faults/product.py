"""`mimo up --kafka` on a folder of its own, whose ports stay the same over restarts, with stand-bys beside it."""

import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from infra.embedded_postgres import EmbeddedPostgres
from infra.kafka.cluster import Cluster
from infra.ports import free_port
from infra.processes import matching
from infra.temporary_folder import temporary_folder
from tests.system import ROOT, System, children_of, end_left_over, run_mimo
from tests.until import until

PREFIX = "mimo-faults-"
KEPT = "kept"
"""A file that says that a folder must not be swept away: something went wrong in it."""
PORTS = ("command", "query", "projector", "relay", "kafka", "spare relay", "spare projector")
RELAY, PROJECTOR, COMMAND, QUERY, BROKER = "infra.relay", "projectors", "command_api", "query_api", "kafka.Kafka"
PARTS = (RELAY, PROJECTOR, COMMAND, QUERY, BROKER)
WORKERS, POSTGRES = "projector workers", "PostgreSQL"
STOP_SECONDS = 10.0


class Product:
    """The system, started again and again on one folder, and its stand-bys."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.system = System(self.data)
        self._ports = {name: free_port() for name in PORTS}
        self._spares: dict[str, subprocess.Popen[bytes]] = {}

    def start(self) -> None:
        """Start it, again on the same ports, and wait until it says ready."""
        self._describe()
        self.system.start()

    def begin(self) -> None:
        """Start it without waiting; `system.command` and `system.query` stay what they were."""
        command, query = self.system.command, self.system.query
        self._describe()
        self.system.command, self.system.query = command, query
        self.system.begin()

    def _describe(self) -> None:
        names = ("command", "query", "projector", "relay", "kafka")
        ports = [word for name in names for word in (f"--{name}-port", str(self._ports[name]))]
        self.system = System(self.data, "--kafka", *ports, "--projector-workers", "2", MIMO_RATE_LIMITS="off")

    def url(self) -> str:
        """The database."""
        return EmbeddedPostgres(self.data / "postgres").url()

    def cluster(self) -> Cluster:
        """Kafka."""
        return Cluster(bootstrap=f"127.0.0.1:{self._ports['kafka']}")

    # -- processes ---------------------------------------------------------------------------------------------------

    def part(self, package: str) -> psutil.Process:
        """The main process of one part, once it runs."""
        return self.system.part(package)

    def pids(self) -> dict[str, frozenset[int]]:
        """Who runs now, by name: what has not been hit must be the same afterwards."""
        return {
            **{package: frozenset((self.part(package).pid,)) for package in PARTS},
            WORKERS: frozenset(worker.pid for worker in self.projector_workers()),
            POSTGRES: frozenset((self.postgres().pid,)),
        }

    def projector_workers(self) -> list[psutil.Process]:
        """The processes that do the projector's work."""
        children = children_of(self.part(PROJECTOR))
        return matching(lambda child: "spawn_main" in " ".join(child.cmdline()), children)

    def broker(self) -> psutil.Process | None:
        """The broker, if it runs."""
        place = str(self.data.resolve())
        found = matching(lambda process: process.name() == "java" and process.cwd().startswith(place))
        return found[0] if found else None

    def postgres(self) -> psutil.Process:
        """The database server's main process, once it runs."""
        return self.system.postmaster()

    def start_spare(self, package: str) -> psutil.Process:
        """Start a stand-by with the environment of the part that it stands by for, but a port of its own.

        Args:
            package: RELAY or PROJECTOR.
        """
        name, variable = {
            RELAY: ("spare relay", "MIMO_RELAY_PORT"),
            PROJECTOR: ("spare projector", "MIMO_PROJECTOR_PORT"),
        }[package]
        environment = {**self.part(package).environ(), variable: str(self._ports[name]), "MIMO_PROJECTOR_WORKERS": "1"}
        environment.pop("PROMETHEUS_MULTIPROC_DIR", None)
        with (self.folder / f"{name.replace(' ', '-')}.log").open("ab") as output:
            spare = subprocess.Popen(
                [sys.executable, "-m", package], cwd=ROOT, env=environment, stdout=output, stderr=output,
                start_new_session=True,
            )  # fmt: skip
        self._spares[name] = spare
        until(lambda: self.says(name) is None, f"the {name} is ready")
        return psutil.Process(spare.pid)

    def stop_spares(self) -> None:
        """Ask the stand-bys to end."""
        for spare in self._spares.values():
            if spare.poll() is None:
                spare.send_signal(signal.SIGTERM)
                spare.send_signal(signal.SIGCONT)
        for spare in self._spares.values():
            spare.wait(STOP_SECONDS)
        self._spares.clear()

    # -- how it is ---------------------------------------------------------------------------------------------------

    def says(self, name: str) -> str | None:
        """Why a part is not ready; None when it is.

        Args:
            name: of its port.
        """
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self._ports[name]}/readyz", timeout=5):
                return None
        except urllib.error.HTTPError as error:
            with error:
                return error.read().decode(errors="replace")
        except OSError as error:
            return str(error)

    def unready(self) -> dict[str, str]:
        """By name, why a part is not ready; empty when all are."""
        names = ("command", "query", "projector", "relay", *self._spares)
        return {name: why for name in names if (why := self.says(name)) is not None}

    def illness(self) -> str | None:
        """What `mimo doctor` finds wrong that looks at every event, claim and record; None when nothing is."""
        doctor = run_mimo("doctor", "--deep", "--data", str(self.data))
        return None if doctor.returncode == 0 else f"the doctor says: {doctor.stdout}{doctor.stderr}"

    def kill_everything(self) -> None:
        """`kill -9` of all of it at the same moment."""
        self.system.kill_everything()
        for spare in self._spares.values():
            spare.wait()
        self._spares.clear()

    def clean_up(self) -> None:
        """Whatever happened: leave nothing running."""
        self.system.clean_up()
        for spare in self._spares.values():
            spare.wait(STOP_SECONDS)


@contextmanager
def throw_away_product() -> Iterator[Product]:
    """A running system in a temporary folder, which is deleted at the end unless something goes wrong."""
    with temporary_folder(PREFIX, end_left_over, lambda folder: not (folder / KEPT).exists()) as folder:
        folder.chmod(0o755)  # as root, PostgreSQL runs under another account
        product = Product(folder)
        try:
            product.start()
            yield product
        except Exception:
            keep(product)
            raise
        finally:
            product.clean_up()


def keep(product: Product) -> None:
    """Let the folder stay, to be looked at."""
    (product.folder / KEPT).touch()
