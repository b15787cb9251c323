"""Ports for servers of our own. It must not know who listens on them."""

import secrets
import socket

HOST = "127.0.0.1"
QUIET = range(20_000, 32_000)
"""Systems give outgoing connections ports above these: one of these stays free while its server is down for a moment,
and nobody who tries to reach that server meanwhile is connected to himself."""
ATTEMPTS = 50


def is_free(port: int) -> bool:
    """Whether a server could listen on a port of this machine now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def free_port() -> int:
    """A port that nobody listens on now; a quiet one, unless nearly all of them are taken."""
    for _ in range(ATTEMPTS):
        port = secrets.choice(QUIET)
        if is_free(port):
            return port
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])
