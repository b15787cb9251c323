"""Starts the projector process: `python -m projectors`. It must not know what projections do."""

from __future__ import annotations

import sys

from infra.settings import load_settings
from infra.startup import CannotStart
from infra.telemetry import configure_logging
from infra.web.server import serve


def main() -> int:
    """Runs until SIGINT or SIGTERM; returns the exit code."""
    try:
        settings = load_settings()
        configure_logging(settings, "projectors")
        _ = settings.require_database_url
        serve("projectors.app:create", host=settings.host, port=settings.projector_port, workers=1)
    except CannotStart as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
