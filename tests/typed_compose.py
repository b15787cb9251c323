"""Types the `docker compose` lines of a document, for where there is no container engine.

It must not know what the lines are good for; `tests/containers.py` says what stands in for containers.
"""

import shlex
import shutil
from collections.abc import Sequence
from pathlib import Path

from tests.containers import Containers
from tests.foreign_images import as_superuser


def type_lines(containers: Containers, text: str, folder: Path) -> None:
    """Run the lines one after the other.

    Args:
        containers: what they are about.
        text: a fenced block.
        folder: where the person who types them is.
    """
    for line in text.splitlines():
        docker, compose, subcommand, *words = shlex.split(line)
        assert (docker, compose) == ("docker", "compose"), line
        arrow, file = words[-2:] if words[-2:-1] in (["<"], [">"]) else ("", "")
        words = words[:-2] if arrow else words
        given = (folder / file).read_bytes() if arrow == "<" else None
        printed = _type(containers, subcommand, words, given)
        if arrow == ">":
            (folder / file).write_bytes(printed)


def _type(containers: Containers, subcommand: str, words: Sequence[str], given: bytes | None) -> bytes:
    options = {word for word in words if word.startswith("-")}
    behind = [word for word in words if not word.startswith("-")]
    if subcommand == "up":
        containers.up(*behind)
    elif subcommand == "restart":
        for name in behind:
            containers.restart(name)
    elif subcommand == "down":
        containers.down()
        if "--volumes" in options:
            shutil.rmtree(containers.folder / "volumes")
    elif subcommand == "exec":
        (database,) = containers.of("postgres")
        assert behind[0] == "postgres"
        return as_superuser(database, words[words.index("postgres") + 1 :], given)
    else:
        assert subcommand == "run", subcommand
        return _run_once(containers, words, given)
    return b""


def _run_once(containers: Containers, words: Sequence[str], given: bytes | None) -> bytes:
    number = next(number for number, word in enumerate(words) if not word.startswith("-"))
    options, name, more = words[:number], words[number], words[number + 1 :]
    if "--no-deps" not in options:
        containers.up(*containers.services[name].get("depends_on", {}))
    container = containers.container(name)
    entrypoint = [word.partition("=")[2] for word in options if word.startswith("--entrypoint=")]
    return container.execute([*entrypoint, *more] if entrypoint else container.command(*more), given)
