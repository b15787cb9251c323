"""Prints a benchmark's results as a Markdown table and, when told to, puts it into docs/performance.md.

Knows nothing of what was measured.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "performance.md"


class NoPlace(Exception):
    """docs/performance.md has no pair of marks for a table."""


@dataclass(frozen=True)
class Table:
    """One table of results; `name` is also its mark in the document."""

    name: str
    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]

    def markdown(self) -> str:
        """The table with its columns padded, so that it reads well in a terminal too."""
        lines = [list(self.columns), *(list(row) for row in self.rows)]
        widths = [max(len(line[column]) for line in lines) for column in range(len(self.columns))]
        padded = [
            "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |"
            for line in lines
        ]
        rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
        return "\n".join([padded[0], rule, *padded[1:]])

    def show(self) -> None:
        """Print it."""
        print(f"\n{self.title}\n\n{self.markdown()}\n", flush=True)

    def write_into_document(self, document: Path = DOCUMENT) -> None:
        """Replace what stands between `<!-- bench:name -->` and `<!-- /bench:name -->`.

        Raises NoPlace when the marks are missing.
        """
        text = document.read_text()
        opening, closing = f"<!-- bench:{self.name} -->", f"<!-- /bench:{self.name} -->"
        before, found, rest = text.partition(opening)
        _, ended, after = rest.partition(closing)
        if not (found and ended):
            raise NoPlace(f"{document} has no place marked {opening} … {closing}")
        document.write_text(f"{before}{opening}\n{self.markdown()}\n{closing}{after}")


def whole(number: float) -> str:
    """A figure without decimals, thousands separated."""
    return f"{number:,.0f}"
