"""Starts the command API: `python -m command_api`. It must not know what it does."""

from __future__ import annotations

import sys

from infra.web.server import main

if __name__ == "__main__":
    sys.exit(main("command_api", lambda settings: settings.command_port, workers_of=lambda settings: settings.workers))
