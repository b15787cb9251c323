"""New identifiers: UUIDv7 (RFC 9562, section 5.7), which sort by the time they were made.

It must not know what they identify.
"""

import os
import time
from uuid import UUID

_VERSION_7 = 0x7 << 76
_VARIANT = 0b10 << 62
_RANDOM_HIGH = (1 << 12) - 1
_RANDOM_LOW = (1 << 62) - 1
NANOSECONDS_A_MILLISECOND = 1_000_000


def new_id() -> UUID:
    """A new UUIDv7: 48 bits of milliseconds since 1970, 74 random bits."""
    milliseconds = time.time_ns() // NANOSECONDS_A_MILLISECOND
    random = int.from_bytes(os.urandom(10))
    high = _VERSION_7 | (random >> 64 & _RANDOM_HIGH) << 64
    return UUID(int=(milliseconds & (1 << 48) - 1) << 80 | high | _VARIANT | random & _RANDOM_LOW)
