"""What is installed is what was locked, and what is built holds all that it needs at run time."""

import re
import tomllib
from importlib.metadata import distribution, packages_distributions
from itertools import chain
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

from tests.architecture.source import PACKAGES, ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
LOCKS = ("requirements.lock", "requirements-dev.lock")
CONTAINERS = ROOT / "infra" / "docker"
"""What images are made with; nobody reads it at run time."""
LOCKED = re.compile(r"^([a-z0-9._-]+)==(\S+)", re.MULTILINE)


def locked(name: str) -> dict[str, set[str]]:
    """The versions of each package in a lock file; more than one where platforms differ."""
    found: dict[str, set[str]] = {}
    for package, version in LOCKED.findall((ROOT / name).read_text()):
        found.setdefault(package, set()).add(version)
    return found


def wanted(*extras: str) -> list[Requirement]:
    lists = (PROJECT["dependencies"], *(PROJECT["optional-dependencies"][extra] for extra in extras))
    return [Requirement(line) for line in chain(*lists)]


@pytest.mark.parametrize(
    ("lock", "requirements"),
    [(LOCKS[0], wanted("build")), (LOCKS[1], wanted("build", "dev", "bench"))],
    ids=LOCKS,
)
def test_the_lock_satisfies_what_the_project_asks_for(lock: str, requirements: list[Requirement]) -> None:
    versions = locked(lock)
    missing = [
        str(requirement)
        for requirement in requirements
        if not versions.get(requirement.name.lower())
        or not all(Version(version) in requirement.specifier for version in versions[requirement.name.lower()])
    ]
    assert not missing, "run: make lock"


def test_the_two_locks_agree() -> None:
    whole = locked(LOCKS[1])
    assert {name: versions for name, versions in locked(LOCKS[0]).items() if whole.get(name) != versions} == {}


@pytest.mark.parametrize("lock", LOCKS)
def test_every_package_is_locked_by_hash_and_no_address_is_told(lock: str) -> None:
    text = (ROOT / lock).read_text()
    assert "://" not in text
    assert "--index" not in text
    for block in re.split(r"^(?=[a-z0-9])", text, flags=re.MULTILINE)[1:]:
        assert "--hash=sha256:" in block, block.splitlines()[0]


def test_passlib_is_the_maintained_one() -> None:
    assert set(packages_distributions()["passlib"]) == {"libpass"}


def test_the_installed_libpass_is_as_new_as_bcrypt_needs() -> None:
    assert Version(distribution("libpass").version) >= Version("1.9.4")


def test_files_that_are_read_at_run_time_are_packaged() -> None:
    patterns = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["package-data"]["*"]
    files = [
        path.relative_to(ROOT)
        for package in PACKAGES
        for path in (ROOT / package).rglob("*")
        if path.is_file() and path.suffix not in {".py", ".pyc", ".mako"} and path.parent != CONTAINERS
    ]
    assert files
    assert not [str(path) for path in files if not any(path.match(pattern) for pattern in patterns)]


def test_every_folder_with_code_is_a_package() -> None:
    folders = {path.parent for package in PACKAGES for path in (ROOT / package).rglob("*.py")}
    assert not [str(folder) for folder in folders if not (folder / "__init__.py").exists()]


def test_the_front_door_lists_what_people_need() -> None:
    targets = set(re.findall(r"^([a-z-]+):.*## ", Path(ROOT / "Makefile").read_text(), re.MULTILINE))
    assert {"help", "setup", "up", "test", "check", "bench", "bench-growth"} <= targets
