"""Interleaved measuring: A B A B …, so that a busy machine harms both alike; ratios pair by pair."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Generic, TypeVar

Result = TypeVar("Result")


@dataclass(frozen=True)
class Pairs(Generic[Result]):
    """What both sides gave, in the order of the rounds."""

    ours: Sequence[Result]
    other: Sequence[Result]

    def ratio(self, figure: Callable[[Result], float]) -> Ratio:
        """Divide ours by the other's pair by pair: same round, so same mood of the machine."""
        ratios = [figure(mine) / figure(theirs) for mine, theirs in zip(self.ours, self.other, strict=True)]
        return Ratio(median(ratios), min(ratios), max(ratios))


@dataclass(frozen=True)
class Ratio:
    """Ours divided by the other side, over the pairs."""

    middle: float
    least: float
    greatest: float

    def __str__(self) -> str:
        return f"{self.middle:.2f}× ({self.least:.2f}–{self.greatest:.2f})"


def interleaved(rounds: int, ours: Callable[[], Result], other: Callable[[], Result]) -> Pairs[Result]:
    """Run both sides in turn, `rounds` times each, changing who begins."""
    mine: list[Result] = []
    theirs: list[Result] = []
    for number in range(rounds):
        if number % 2 == 0:
            mine.append(ours())
            theirs.append(other())
        else:
            theirs.append(other())
            mine.append(ours())
    return Pairs(mine, theirs)


def percentile(values: Sequence[float], share: float) -> float:
    """The value that `share` (0 to 1) of the values do not exceed; needs at least one value."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
