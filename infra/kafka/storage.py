"""Formats the folder of a broker's topics, once: Kafka does not start on one that is not.

It must not know how the broker is started.
"""

import base64
import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from events.errors import CannotStart
from infra.kafka.configuration import DATA

MAKING = "making"
FORMAT_SECONDS = 60.0
WORDS = 600


def format_storage(folder: Path, java: Sequence[str], properties: str, environment: Mapping[str, str]) -> None:
    """Make the folder of topics beside its final place and move it there, so that a half-made one is never used.

    Args:
        folder: the broker's.
        java: the program and its options.
        properties: the broker's, but with the topics in the folder `making`.
        environment: for the program.

    Raises:
        CannotStart: Kafka cannot do it; the text says why.
    """
    making = folder / MAKING
    shutil.rmtree(making, ignore_errors=True)  # of a start that was killed
    making.mkdir()
    (making / "server.properties").write_text(properties, encoding="utf-8")
    arguments = ["format", "-t", _new_cluster_id(), "-c", f"{MAKING}/server.properties"]
    try:
        done = subprocess.run(
            [*java, "kafka.tools.StorageTool", *arguments], cwd=folder, env=dict(environment),
            stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=FORMAT_SECONDS,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise CannotStart(f"Kafka did not format {folder} within {FORMAT_SECONDS:.0f} s.") from None
    if done.returncode != 0:
        raise CannotStart(f"Kafka cannot format {folder}: {(done.stderr or done.stdout).strip()[-WORDS:]}")
    (making / DATA).rename(folder / DATA)
    shutil.rmtree(making)


def _new_cluster_id() -> str:
    """A random id the way Kafka writes them."""
    while True:
        text = base64.urlsafe_b64encode(os.urandom(16)).decode().rstrip("=")
        if not text.startswith("-"):  # it would look like an option
            return text
