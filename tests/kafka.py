"""A throw-away Kafka broker for tests and benchmarks.

Its folder is locked for as long as its maker lives; what killed runs left behind is swept away by the next one. Tests
that share a broker keep out of each other's way with a prefix of their own (MIMO_KAFKA_PREFIX).
"""

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from infra.folder_lock import FolderLock
from infra.kafka.broker import LocalBroker

PREFIX = "mimo-kafka-throw-away-"


@contextmanager
def throw_away_broker(settings: Mapping[str, str] | None = None) -> Iterator[LocalBroker]:
    """Start a broker on a free port in a temporary folder; stop it and delete the folder at the end.

    It may be killed and started again in between. Call it in the main thread: the broker ends with the thread.

    Args:
        settings: Kafka's settings on top of the usual ones.
    """
    sweep()
    folder = Path(tempfile.mkdtemp(prefix=PREFIX))
    lock = FolderLock(folder)
    lock.acquire()
    broker = LocalBroker(folder / "kafka", 0, settings)
    try:
        broker.start()
        yield broker
    finally:
        broker.stop()
        shutil.rmtree(folder, ignore_errors=True)
        lock.release()


def sweep() -> None:
    """End the brokers and delete the folders of runs that were killed."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        lock = FolderLock(folder)
        try:
            if folder.stat().st_uid != os.geteuid() or not (folder / "lock").exists() or not lock.acquire():
                continue
            LocalBroker(folder / "kafka", 0).stop()
            shutil.rmtree(folder, ignore_errors=True)
        except OSError:
            continue  # another run sweeps at the same time
        finally:
            lock.release()


def main() -> None:
    """Start a throw-away broker by hand, print its address and wait for Enter."""
    with throw_away_broker() as broker:
        print(broker.bootstrap, flush=True)  # noqa: T201
        input()


if __name__ == "__main__":
    main()
