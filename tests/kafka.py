"""A throw-away Kafka broker for tests and benchmarks.

Tests that share a broker keep out of each other's way with a prefix of their own (MIMO_KAFKA_PREFIX).
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from infra.kafka.broker import LocalBroker
from infra.temporary_folder import temporary_folder

PREFIX = "mimo-kafka-throw-away-"


@contextmanager
def throw_away_broker(settings: Mapping[str, str] | None = None) -> Iterator[LocalBroker]:
    """Start a broker on a free port in a temporary folder; stop it and delete the folder at the end.

    It may be killed and started again in between. Call it in the main thread: the broker ends with the thread.

    Args:
        settings: Kafka's settings on top of the usual ones.
    """
    with temporary_folder(PREFIX, end_left_over) as folder:
        broker = LocalBroker(folder / "kafka", 0, settings)
        try:
            broker.start()
            yield broker
        finally:
            broker.stop()


def end_left_over(folder: Path) -> None:
    """End the broker that a killed run left in a folder of ours."""
    LocalBroker(folder / "kafka", 0).stop()


def main() -> None:
    """Start a throw-away broker by hand, print its address and wait for Enter."""
    with throw_away_broker() as broker:
        print(broker.bootstrap, flush=True)  # noqa: T201
        input()


if __name__ == "__main__":
    main()
