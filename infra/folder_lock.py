"""A lock on a folder that ends with the process that holds it, however that process ends.

It must not know what the folder is for.
"""

import fcntl
import os
from pathlib import Path


class FolderLock:
    """An exclusive lock (flock) on the file `lock` in a folder; the kernel releases it when the holder dies."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "lock"
        self._descriptor: int | None = None

    def acquire(self) -> bool:
        """Take the lock and note our pid in it.

        Returns:
            Whether it was free. Never waits.

        Raises:
            OSError: the file cannot be made.
        """
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return False
        os.ftruncate(descriptor, 0)
        os.write(descriptor, str(os.getpid()).encode())
        self._descriptor = descriptor
        return True

    def release(self) -> None:
        """Give the lock back, if we hold it."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def holder(self) -> int | None:
        """The pid that last took the lock, if it can be read."""
        try:
            return int(self._path.read_text())
        except (OSError, ValueError):
            return None
