"""Running an application under uvicorn: workers, shutdown, and a deadline for slowly arriving requests.

It must not know the application. uvicorn itself waits for ever for the rest of a request; `PatientProtocol` does not.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from multiprocessing.connection import wait
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from events.errors import CannotStart
from infra.calm import calm_collector
from infra.settings import Settings, load_settings
from infra.telemetry import configure_logging
from infra.temporary_folder import temporary_folder
from infra.web.metrics import MULTIPROCESS_FOLDER
from infra.web.problems import problem
from infra.web.sockets import MAX_MESSAGE_BYTES

ARRIVAL_SECONDS = 20.0
KEEP_ALIVE_SECONDS = 75
SHUTDOWN_SECONDS = 5
BACKLOG = 2048
METRICS_PREFIX = "mimo-metrics-"
"""Of the folders for several workers' numbers, where whoever starts us names none."""
WEBSOCKETS: dict[str, Any] = {
    "ws": "infra.web.sockets:SocketProtocol",
    "ws_max_size": MAX_MESSAGE_BYTES,
    "ws_per_message_deflate": False,  # so that a frame is the same bytes for everybody
}
"""What uvicorn is told about WebSockets."""


class PatientProtocol(HttpToolsProtocol):
    """uvicorn's HTTP protocol with a deadline for a request's head and body together."""

    arrival_seconds = ARRIVAL_SECONDS

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._deadline: asyncio.TimerHandle | None = None
        self._received = self._upgraded = False

    def connection_made(self, transport: Any) -> None:
        """A connection that sends nothing is not kept either."""
        super().connection_made(transport)
        self._start()

    def data_received(self, data: bytes) -> None:
        """Starts the deadline when a request is not complete, stops it when it is."""
        super().data_received(data)
        self._received = True
        cycle = self.cycle
        if cycle is not None and not cycle.response_complete and not cycle.more_body:
            if self._deadline is not None:
                self._stop()
        elif self._deadline is None and not self._upgraded and not self.transport.is_closing():
            self._start()

    def handle_websocket_upgrade(self) -> None:
        """From here on another protocol has the connection."""
        self._upgraded = True
        self._stop()
        super().handle_websocket_upgrade()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing is waited for any more."""
        self._stop()
        super().connection_lost(exc)

    def _start(self) -> None:
        self._deadline = self.loop.call_later(self.arrival_seconds, self._too_slow)

    def _stop(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _too_slow(self) -> None:
        self._deadline = None
        if self.transport.is_closing():
            return
        answered = self.cycle is not None and self.cycle.response_started and not self.cycle.response_complete
        if self._received and not answered:
            self.transport.write(_timeout_answer())
        self.transport.close()


def _timeout_answer() -> bytes:
    detail = "The request took too long to arrive."
    answer = problem(408, "request_timeout", detail, f"{os.urandom(16).hex()}", headers=[(b"connection", b"close")])
    head = b"".join(name + b": " + value + b"\r\n" for name, value in answer.raw_headers)
    return b"HTTP/1.1 408 Request Timeout\r\n" + head + b"\r\n" + bytes(answer.body)


def settle() -> None:
    """Call it in every process that serves, once it has built its application.

    What lives as long as the process is not looked at by every garbage collection, and a worker ends when whoever
    started it was killed: otherwise it would hold the port for ever.
    """
    calm_collector()
    if (parent := multiprocessing.parent_process()) is not None:
        threading.Thread(target=_end_after, args=(parent.sentinel,), name="parent-watch", daemon=True).start()


def _end_after(sentinel: int) -> None:
    wait([sentinel])
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(SHUTDOWN_SECONDS)
    os._exit(1)


def main(application: str, port_of: Callable[[Settings], int], *, workers_of: Callable[[Settings], int]) -> int:
    """The whole of `python -m <application>`: settings from the environment, logs, then serving.

    Args:
        application: a package whose `app.create` builds the application; each worker process calls it.
        port_of: its port.
        workers_of: how many processes share the port.

    Returns:
        The exit code, after SIGINT or SIGTERM, or when something outside is missing (said on standard error).
    """
    try:
        settings = load_settings()
        configure_logging(settings, application)
        _ = settings.require_database_url
        _serve(f"{application}.app:create", settings, port_of(settings), workers_of(settings))
    except CannotStart as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 1
    return 0


def _serve(factory: str, settings: Settings, port: int, workers: int) -> None:
    if workers == 1 or MULTIPROCESS_FOLDER in os.environ:
        _run(factory, settings, port, workers)
        return
    with temporary_folder(METRICS_PREFIX) as folder:
        os.environ[MULTIPROCESS_FOLDER] = str(folder)
        _run(factory, settings, port, workers)


def _run(factory: str, settings: Settings, port: int, workers: int) -> None:
    uvicorn.run(
        factory,
        factory=True,
        host=settings.host,
        port=port,
        workers=workers,
        http="infra.web.server:PatientProtocol",
        **WEBSOCKETS,
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=bool(settings.trusted_proxies),  # by default uvicorn believes whoever connects from this machine
        forwarded_allow_ips=list(settings.trusted_proxies),
        backlog=BACKLOG,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=SHUTDOWN_SECONDS,
    )
