"""Fixtures of the end-to-end tests: folders, and whole systems on them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from infra.temporary_folder import temporary_folder
from tests.system import System, end_left_over

MakeSystem = Callable[..., System]


@contextmanager
def reachable_folder() -> Iterator[Path]:
    """A folder that an unprivileged account can reach (pytest's own temporary folders are closed to it)."""
    with temporary_folder("mimo-e2e-", end_left_over) as folder:
        folder.chmod(0o755)
        yield folder


@pytest.fixture
def place() -> Iterator[Path]:
    """Such a folder."""
    with reachable_folder() as folder:
        yield folder


@pytest.fixture
def make_system(place: Path) -> Iterator[MakeSystem]:
    """Describes systems on the same data folder; whatever happens, nothing of them goes on running."""
    made = []

    def make(*options: str, **environment: str) -> System:
        made.append(System(place / "data", *options, **environment))
        return made[-1]

    yield make
    for system in made:
        system.clean_up()
