"""What came of many rounds: a file with a line for each, so that a run can be resumed, and the table for people.

Knows nothing of how rounds are played.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from statistics import median

from tests.bench.table import Table
from tests.faults.rounds import Result

COLUMNS = (
    "fault", "rounds", "recovery median s", "worst s", "lost", "doubled", "topics differ", "views differ", "failed"
)  # fmt: skip


class Results:
    """The rounds of one seed, kept in a file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.rounds: dict[int, Result] = {}
        if path.exists():
            found = [Result(**json.loads(line)) for line in path.read_text().splitlines()]
            self.rounds = {result.number: result for result in found}

    def add(self, result: Result) -> None:
        """Keep a round; one that is played again takes the place of the first. The file is whole at any moment."""
        self.rounds[result.number] = result
        self._path.parent.mkdir(parents=True, exist_ok=True)
        new = self._path.with_suffix(".new")
        new.write_text("".join(json.dumps(asdict(result)) + "\n" for result in self.rounds.values()))
        new.replace(self._path)


def line(result: Result) -> str:
    """A round in one line."""
    recovery = "never back" if result.recovery_seconds is None else f"back in {result.recovery_seconds:4.1f} s"
    facts = f"{result.acknowledged:6,} commands, {result.lost} lost, {result.doubled} doubled"
    verdict = f"FAILED: {result.failure}" if result.failure else "ok"
    detail = f" ({result.detail})" if result.detail else ""
    return f"round {result.number:3}  {result.fault:37}  {recovery}  {facts}  {verdict}{detail}"


def table(results: Iterable[Result]) -> Table:
    """One line a fault, and one for all."""
    by_fault: dict[str, list[Result]] = defaultdict(list)
    for result in results:
        by_fault[result.fault].append(result)
    everything = [result for of_fault in by_fault.values() for result in of_fault]
    rows = [_row(fault, of_fault) for fault, of_fault in sorted(by_fault.items())]
    return Table("faults", "Faults", COLUMNS, [*rows, _row("**all**", everything)])


def _row(name: str, results: Sequence[Result]) -> tuple[str, ...]:
    seconds = [result.recovery_seconds for result in results if result.recovery_seconds is not None]
    return (
        name,
        str(len(results)),
        f"{median(seconds):.1f}" if seconds else "–",
        f"{max(seconds):.1f}" if seconds else "–",
        str(sum(result.lost for result in results)),
        str(sum(result.doubled for result in results)),
        str(sum(result.topic_flaws > 0 for result in results)),
        str(sum(result.view_flaws > 0 for result in results)),
        str(sum(bool(result.failure) for result in results)),
    )
