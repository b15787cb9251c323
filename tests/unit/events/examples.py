"""The examples of every event class as tests use them: their secrets, and key rings that open them or do not."""

from collections.abc import Collection, Mapping
from uuid import UUID

from events.contract.examples import CHANNEL, COURSE, EMAIL_HMAC, EVENT, EXAMPLES, MESSAGE, OTHER, REPORT, SESSION, USER
from infra.sealing import KeyRing

__all__ = [
    "CHANNEL", "COURSE", "EMAIL_HMAC", "EVENT", "EXAMPLES", "MESSAGE", "OTHER", "REPORT", "SECRETS", "SESSION", "USER",
    "ring",
]  # fmt: skip

SECRETS = ("ada@example.org", "Ada Lovelace", "Countess Lovelace", "Hello, wörld 👋", "Hello, everyone")
"""Every personal text of the examples."""


async def _nobody(_subjects: Collection[UUID]) -> Mapping[UUID, bytes]:
    return {}


def ring(keys: Mapping[UUID, bytes] | None = None) -> KeyRing:
    """A key ring that holds just these keys; without any, everybody is erased."""
    made = KeyRing(_nobody)
    for subject, key in (keys or {}).items():
        made.add(subject, key)
    return made
