"""A school that uses a whole system: `mimo demo` in the background, its journal, and the comparison with the views."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.system import CHEAP, ROOT, System, run_mimo


@contextmanager
def demo(system: System, journal: Path, *options: str) -> Iterator["subprocess.Popen[str]"]:
    """A demo that goes on in the background."""
    urls = ("--command-url", system.command, "--query-url", system.query)
    process = subprocess.Popen(
        [sys.executable, "-m", "mimo", "demo", *urls, "--users", "4", "--journal", str(journal), *options],
        cwd=ROOT, env={**os.environ, **CHEAP}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def acknowledged(journal: Path) -> int:
    """How many messages the command API has acknowledged."""
    return journal.read_text().count("SendMessage") if journal.exists() else 0


def verify(system: System, journal: Path) -> None:
    """Everything in the journal is in the views, once and in order."""
    urls = ("--command-url", system.command, "--query-url", system.query)
    verified = run_mimo("demo", *urls, "--verify", str(journal))
    assert verified.returncode == 0, verified.stdout + verified.stderr
