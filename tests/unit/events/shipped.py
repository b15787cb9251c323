"""The contract as it was shipped: what consumers rely on, and what installations have stored.

`python -m tests.unit.events.shipped` adds what is new: events, versions, and members that may be missing. It refuses
when something would break. Nothing else writes here; a version that was never released may be deleted by hand.
"""

import json
import shutil
import sys
from pathlib import Path

from events.catalog import UPCASTERS
from events.contract.compatibility import breaking_changes
from events.contract.documents import SCHEMAS
from events.contract.schemas import Schema

ROOT = Path(__file__).parents[3]
SHIPPED = ROOT / "tests" / "shipped"
PRESENT = ROOT / "docs" / SCHEMAS


def schemas_in(folder: Path) -> dict[str, Schema]:
    """The schemas in a folder, by name."""
    return {path.stem: json.loads(path.read_text("utf-8")) for path in sorted(folder.glob("*.json"))}


def ship(present: Path = PRESENT, shipped: Path = SHIPPED) -> list[str]:
    """Makes the present contract the one that must be kept.

    Returns:
        What would break; then nothing was done.
    """
    broken = breaking_changes(schemas_in(shipped), schemas_in(present), UPCASTERS)
    if not broken:
        for path in present.glob("*.json"):
            shutil.copyfile(path, shipped / path.name)
    return broken


if __name__ == "__main__":
    sys.exit("\n".join(ship()) or 0)
