"""The stored samples: for every event and schema version ever shipped, one file as the log holds it.

`python -m tests.unit.events.samples` writes those that are missing. What is in a file's `data` is never changed: it
is what installations have in their logs. `decoded` is what the present code makes of it, and may follow the code.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec

from events.catalog import encode
from events.event import Event
from tests.unit.events.examples import EVENT, EXAMPLES, ring

FOLDER = Path(__file__).parents[2] / "samples"
KEYS = FOLDER / "keys.json"


@dataclass(frozen=True)
class Sample:
    """A stored event.

    Attributes:
        name: its stored name.
        schema: the version of its data.
        id: the event's id, which its sealed data are bound to.
        data: the JSON text in the log.
        decoded: the event at the present schema, as plain values.
    """

    name: str
    schema: int
    id: UUID
    data: str
    decoded: dict[str, Any]


def sample_keys() -> dict[UUID, bytes]:
    """The keys of the people in the samples. They protect nothing: nobody else has them."""
    return {UUID(subject): bytes.fromhex(key) for subject, key in json.loads(KEYS.read_text()).items()}


def sample_path(name: str, schema: int) -> Path:
    """Where the sample of an event's schema version is."""
    return FOLDER / f"{name}.v{schema}.json"


def samples() -> list[Sample]:
    """All of them."""
    return [_read(path) for path in sorted(FOLDER.glob("*.v*.json"))]


def _read(path: Path) -> Sample:
    held = json.loads(path.read_text())
    name, version = path.name.removesuffix(".json").split(".v")
    return Sample(name, int(version), UUID(held["id"]), json.dumps(held["data"], ensure_ascii=False), held["decoded"])


def _write(event: Event) -> None:
    contract = event.contract
    data = json.loads(encode(event, EVENT, ring(sample_keys())))
    held = {"id": str(EVENT), "data": data, "decoded": msgspec.to_builtins(event)}
    sample_path(contract.name, contract.schema).write_text(json.dumps(held, indent=2, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    for example in EXAMPLES:
        if not sample_path(example.contract.name, example.contract.schema).exists():
            _write(example)
