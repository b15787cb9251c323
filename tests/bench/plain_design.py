"""Runs the plain design under uvicorn for the HTTP benchmarks; knows nothing of our side."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from tests.bench.baseline.seed import seed
from tests.bench.cluster import Cluster
from tests.bench.processes import free_port, running, wait_until_answers
from tests.bench.school import School, SchoolSize


@contextmanager
def running_plain_design(cluster: Cluster, size: SchoolSize, workers: int) -> Iterator[School]:
    """Fill a new database, start the server with uvloop and httptools, and stop it at the end."""
    database_url = asyncio.run(cluster.empty_database("plain")).replace("postgresql://", "postgresql+asyncpg://")
    public_key, log_file, port = cluster.folder / "plain.pem", cluster.folder / "plain.log", free_port()
    school = asyncio.run(seed(database_url, f"http://127.0.0.1:{port}", public_key, size))
    command = [sys.executable, "-m", "uvicorn", "tests.bench.baseline.app:app", f"--port={port}"]
    options = [f"--workers={workers}", "--loop=uvloop", "--http=httptools", "--no-access-log"]
    environment = {"BASELINE_DATABASE_URL": database_url, "BASELINE_PUBLIC_KEY": str(public_key)}
    with running([*command, *options], environment, log_file) as process:
        wait_until_answers(process, port, "/openapi.json", log_file)
        yield school
