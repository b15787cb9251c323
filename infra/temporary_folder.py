"""Temporary folders that outlive no run for ever: what a killed run left behind is swept away by the next one.

Each is locked for as long as its maker lives, so that only what nobody uses is swept. It must not know what is in them.
"""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from infra.folder_lock import FolderLock

Clear = Callable[[Path], object]


def nothing_runs(_folder: Path) -> None:
    """For folders in which no process works."""


def always(_folder: Path) -> bool:
    """For folders that are to go, whatever happened in them."""
    return True


@contextmanager
def temporary_folder(
    prefix: str, clear: Clear = nothing_runs, may_go: Callable[[Path], bool] = always
) -> Iterator[Path]:
    """Make a folder that is ours alone; it is deleted at the end.

    Args:
        prefix: what its name begins with; folders of other kinds begin otherwise.
        clear: ends what a killed run left running in a folder.
        may_go: asked before a folder is deleted.
    """
    sweep(prefix, clear, may_go)
    folder, lock = _locked_folder(prefix)
    try:
        yield folder
    finally:
        if may_go(folder):
            shutil.rmtree(folder, ignore_errors=True)
        lock.release()


def sweep(prefix: str, clear: Clear = nothing_runs, may_go: Callable[[Path], bool] = always) -> None:
    """End what killed runs left running in their folders, and delete these.

    Args:
        prefix: of their names.
        clear: ends what runs in one.
        may_go: asked before one is deleted.
    """
    for folder in Path(tempfile.gettempdir()).glob(f"{prefix}*"):
        lock = FolderLock(folder)
        try:
            if folder.stat().st_uid != os.geteuid() or not (folder / "lock").exists() or not lock.acquire():
                continue
            clear(folder)
            if may_go(folder):
                shutil.rmtree(folder, ignore_errors=True)
        except OSError:
            continue  # another run sweeps at the same time
        finally:
            lock.release()


def _locked_folder(prefix: str) -> tuple[Path, FolderLock]:
    while True:
        folder = Path(tempfile.mkdtemp(prefix=prefix))
        lock = FolderLock(folder)
        if lock.acquire():
            return folder, lock
        # Another run swept in just this moment: the folder is gone.
