"""`python -m infra.kafka.lock`: renews the lock file of the local broker's jars after a change in `jgo.toml`.

It must not know what the jars do. It needs the extra `mimo[kafka]` and the network, and trusts what it downloads: look
at the difference before it is committed.
"""

import hashlib
import tempfile
from dataclasses import replace
from pathlib import Path

from jgo.env import EnvironmentSpec
from jgo.maven import Dependency
from jgo.parse import Coordinate

from infra.kafka.jars import LOCK, context

WANTED = Path(__file__).with_name("jgo.toml")
SCOPES = {"compile", "runtime"}
HEAD = "# Made by `python -m infra.kafka.lock` from jgo.toml; do not edit.\n"
ENTRY = """
[[dependencies]]
groupId = "{group}"
artifactId = "{artifact}"
version = "{version}"
packaging = "jar"
sha256 = "{sha256}"
"""


def resolve(repository: Path) -> list[Dependency]:
    """Find all jars that the wanted ones need.

    Args:
        repository: a folder for what is downloaded.
    """
    maven = context(repository)
    # `raw`: otherwise each coordinate's own dependencyManagement is imported, and log4j's asks for Kafka's client 3.9.
    coordinates = [replace(Coordinate.parse(text), scope="compile", raw=True) for text in _wanted()]
    inputs, transitive = maven.resolver.resolve([maven.create_dependency(coordinate) for coordinate in coordinates])
    found = [*inputs, *(dependency for dependency in transitive if dependency.scope in SCOPES)]
    return sorted(found, key=lambda dependency: (dependency.groupId, dependency.artifactId))


def main() -> None:
    """Write the lock file."""
    with tempfile.TemporaryDirectory() as folder:
        entries = [
            ENTRY.format(
                group=dependency.groupId,
                artifact=dependency.artifactId,
                version=dependency.version,
                sha256=hashlib.sha256(dependency.artifact.resolve().read_bytes()).hexdigest(),
            )
            for dependency in resolve(Path(folder))
        ]
    LOCK.write_text(HEAD + "".join(entries), encoding="utf-8")


def _wanted() -> list[str]:
    coordinates: list[str] = EnvironmentSpec.load(WANTED).coordinates
    return coordinates


if __name__ == "__main__":
    main()
