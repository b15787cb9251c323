"""Temporary folders go when their maker is done, and those of killed makers when the next one comes."""

import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from infra.temporary_folder import sweep, temporary_folder

PREFIX = "mimo-some-"
KILLED_IN_IT = f"""
import os, signal
from infra.temporary_folder import temporary_folder
with temporary_folder({PREFIX!r}) as folder:
    print(folder, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary folders are made."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    return tmp_path


def abandoned() -> Path:
    """A folder whose maker was killed."""
    done = subprocess.run([sys.executable, "-c", KILLED_IN_IT], capture_output=True, text=True, check=False)
    folder = Path(done.stdout.strip())
    assert folder.is_dir(), done.stderr
    return folder


def test_it_is_there_while_it_is_used_and_gone_afterwards(place: Path) -> None:
    with temporary_folder(PREFIX) as folder:
        (folder / "inside").touch()
        assert folder.parent == place
    assert list(place.iterdir()) == []


def test_one_that_is_used_is_not_swept_away() -> None:
    with temporary_folder(PREFIX) as folder, temporary_folder(PREFIX) as other:
        sweep(PREFIX)
        assert folder.exists()
        assert other.exists()


def test_the_next_one_sweeps_away_what_a_killed_one_left_once_nothing_runs_there() -> None:
    left, cleared = abandoned(), list[Path]()
    with temporary_folder(PREFIX, cleared.append):
        assert not left.exists()
    assert cleared == [left]


def test_one_that_must_stay_is_cleared_and_stays() -> None:
    left, cleared = abandoned(), list[Path]()
    with temporary_folder(PREFIX, may_go=lambda _: False) as folder:
        assert left.exists()
    assert folder.exists()
    sweep(PREFIX, cleared.append, lambda _: False)
    assert sorted(cleared) == sorted([left, folder])


def test_what_others_made_is_left_alone(place: Path) -> None:
    (place / f"{PREFIX}without-a-lock").mkdir()
    other = abandoned().rename(place / "another-kind")
    sweep(PREFIX)
    assert sorted(path.name for path in place.iterdir()) == sorted([other.name, f"{PREFIX}without-a-lock"])
