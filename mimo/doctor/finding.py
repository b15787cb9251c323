"""What the doctor says: one sentence for each thing that was looked at, and what to do about it.

It must not know what is looked at.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """How it stands."""

    FINE = "fine"
    NOTE = "note"
    """Worth knowing; nothing has to be done."""
    WRONG = "wrong"


@dataclass(frozen=True)
class Finding:
    """What was found out about one thing.

    Attributes:
        subject: the thing: database, keys, a part, topics …
        verdict: how it stands.
        sentence: what was found.
        remedy: what to do about it; "" when nothing has to be done.
    """

    subject: str
    verdict: Verdict
    sentence: str
    remedy: str = ""


def fine(subject: str, sentence: str) -> Finding:
    """All is well with it."""
    return Finding(subject, Verdict.FINE, sentence)


def note(subject: str, sentence: str) -> Finding:
    """Worth knowing."""
    return Finding(subject, Verdict.NOTE, sentence)


def wrong(subject: str, sentence: str, remedy: str) -> Finding:
    """Something has to be done."""
    return Finding(subject, Verdict.WRONG, sentence, remedy)


def is_healthy(findings: Iterable[Finding]) -> bool:
    """Whether nothing has to be done."""
    return all(finding.verdict is not Verdict.WRONG for finding in findings)
