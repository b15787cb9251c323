"""What OpenAPI is told about the headers of answers. It must not know any route."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def described_headers(descriptions: Mapping[str, str], *, always: bool = True) -> dict[str, Any]:
    """Headers as OpenAPI describes them.

    Args:
        descriptions: by the header's name, what it says.
        always: whether every such answer carries them.
    """
    return {
        name: {"description": text, "required": always, "schema": {"type": "string"}}
        for name, text in descriptions.items()
    }
