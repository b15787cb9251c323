"""Starts the relay process: `python -m infra.relay`. It must not know what it does."""

from __future__ import annotations

import sys

from infra.web.server import main

if __name__ == "__main__":
    sys.exit(main("infra.relay", lambda settings: settings.relay_port, workers_of=lambda _: 1))
