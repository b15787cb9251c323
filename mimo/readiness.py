"""Asks a part over HTTP whether it is ready, and if not, why.

It must not know what the part does.
"""

import json
import urllib.error
import urllib.request
from dataclasses import dataclass

ANSWER_SECONDS = 2.5


@dataclass(frozen=True)
class Readiness:
    """What a part says of itself.

    Attributes:
        answers: whether anybody answered as a part of ours does.
        reason: why it is not ready; None when it is.
    """

    answers: bool
    reason: str | None

    @property
    def ready(self) -> bool:
        """Whether it can be used."""
        return self.reason is None


STRANGER = Readiness(False, "somebody else answers there")


def ask_ready(url: str) -> Readiness:
    """Ask a part.

    Args:
        url: its `/readyz`.
    """
    try:
        with urllib.request.urlopen(url, timeout=ANSWER_SECONDS) as answer:  # noqa: S310 - our own http address
            return _said(answer.read())
    except urllib.error.HTTPError as error:
        with error:
            return _said(error.read())
    except (OSError, ValueError):
        return Readiness(False, "it does not answer")


def _said(body: bytes) -> Readiness:
    """What a part answers, by what it names as not ready."""
    try:
        missing = json.loads(body)["not_ready"]
        return Readiness(True, "; ".join(f"{one['name']}: {one['reason']}" for one in missing) or None)
    except (ValueError, KeyError, TypeError):
        return STRANGER
