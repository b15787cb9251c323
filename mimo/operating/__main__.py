"""Starts the operations worker: `python -m mimo.operating`. It must not know what it does."""

from __future__ import annotations

import sys

from infra.web.server import main

if __name__ == "__main__":
    sys.exit(main("mimo.operating", lambda settings: settings.operations_port, workers_of=lambda _: 1))
