"""Starts the query API: `python -m query_api`. It must not know what it does."""

from __future__ import annotations

import sys

from infra.web.server import main

if __name__ == "__main__":
    sys.exit(main("query_api", lambda settings: settings.query_port, workers_of=lambda settings: settings.workers))
