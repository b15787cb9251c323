"""The documents as tests read them: their fenced blocks, in order. It must not know what the commands mean."""

import re
from dataclasses import dataclass
from pathlib import Path

from tests.system import ROOT

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^## ", re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """A fenced block.

    Attributes:
        language: what stands behind the fence; "" without.
        text: what stands inside.
    """

    language: str
    text: str


def documents() -> list[Path]:
    """Every document of the project."""
    return [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]


def section(path: Path, title: str) -> str:
    """The text below a second-level heading.

    Raises:
        KeyError: there is no such heading.
    """
    parts = {part.partition("\n")[0]: part for part in _HEADING.split(path.read_text())[1:]}
    return parts[title]


def blocks(text: str) -> list[Block]:
    """The fenced blocks of a text."""
    return [Block(language, inside) for language, inside in _FENCE.findall(text)]
