"""The ports that servers of our own get stay theirs while they are down."""

import socket
from pathlib import Path

import pytest

from infra import ports
from infra.ports import HOST, QUIET, free_port, is_free

GIVEN_TO_CONNECTIONS = Path("/proc/sys/net/ipv4/ip_local_port_range")


def test_a_free_port_is_free_and_none_that_outgoing_connections_get() -> None:
    port = free_port()
    assert is_free(port)
    assert port in QUIET
    if GIVEN_TO_CONNECTIONS.exists():
        assert QUIET.stop <= int(GIVEN_TO_CONNECTIONS.read_text().split()[0]), "this machine has other ones"


def test_a_port_that_somebody_listens_on_is_not_free() -> None:
    with socket.create_server((HOST, 0)) as server:
        assert not is_free(server.getsockname()[1])


def test_when_all_quiet_ports_are_taken_any_other_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "is_free", lambda port: False)
    assert free_port() not in QUIET
