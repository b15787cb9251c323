"""Starts the command API under uvicorn: `python -m command_api`. It must not know what the application does."""

from __future__ import annotations

import sys

from infra.settings import load_settings
from infra.startup import CannotStart
from infra.telemetry import configure_logging
from infra.web.server import serve


def main() -> int:
    """Serves until SIGINT or SIGTERM; returns the exit code."""
    try:
        settings = load_settings()
        configure_logging(settings, "command_api")
        _ = settings.require_database_url
        serve("command_api.app:create", host=settings.host, port=settings.command_port, workers=settings.workers)
    except CannotStart as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
