"""JSON as it goes on the wire: UTC times with a Z, ids as text. It must not know what is said."""

from __future__ import annotations

from typing import Any

import orjson


def encoded(value: Any) -> bytes:
    """A value as JSON."""
    return orjson.dumps(value, default=str, option=orjson.OPT_UTC_Z)  # asyncpg's ids are a class of their own
