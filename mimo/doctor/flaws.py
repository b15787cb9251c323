"""Counts what is wrong with many things of one kind and keeps the first few places, so that memory stays bounded.

It must not know what the things are.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from mimo.doctor.finding import Finding, wrong

SHOWN = 5


@dataclass(frozen=True)
class Kind:
    """One way to be wrong.

    Attributes:
        subject: the thing: log, claims, topics …
        what: what is wrong with those that are counted.
        remedy: what to do about it.
    """

    subject: str
    what: str
    remedy: str


class Flaws:
    """What was found so far."""

    def __init__(self) -> None:
        self._found: dict[Kind, _Found] = {}

    def note(self, kind: Kind, place: str, number: int = 1) -> None:
        """Counts one more, or so many more at one place."""
        found = self._found.setdefault(kind, _Found())
        found.number += number
        found.places += 1
        found.keep(place)

    def tally(self, kind: Kind, place: str, number: int) -> None:
        """One of so many that there are of its kind in all."""
        found = self._found.setdefault(kind, _Found())
        found.number = found.places = number
        found.keep(place)

    def __contains__(self, kind: Kind) -> bool:
        return kind in self._found

    def findings(self) -> list[Finding]:
        """A finding for each kind, in the order in which they were met."""
        return [
            wrong(kind.subject, f"{kind.what}: {found.said()}.", kind.remedy) for kind, found in self._found.items()
        ]


@dataclass
class _Found:
    """Of one kind: how many, at how many places, and the first of these."""

    number: int = 0
    places: int = 0
    first: list[str] = field(default_factory=list)

    def keep(self, place: str) -> None:
        if len(self.first) < SHOWN:
            self.first.append(place)

    def said(self) -> str:
        more = ", …" if self.places > len(self.first) else ""
        return f"{self.number} ({'; '.join(self.first)}{more})"
