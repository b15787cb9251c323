"""Starts the projector process: `python -m projectors`. It must not know what it does."""

from __future__ import annotations

import sys

from infra.web.server import main

if __name__ == "__main__":
    sys.exit(
        main(
            "projectors",
            lambda settings: settings.projector_port,
            workers_of=lambda settings: settings.projector_workers,
        )
    )
