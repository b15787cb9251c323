"""The command API under real uvicorn, with workers: the test client hides what only a server does."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from functools import partial
from pathlib import Path
from time import monotonic

import httpx2
import psutil
import pytest

from infra.processes import matching
from infra.web.server import PatientProtocol
from tests.command_api import PASSWORD
from tests.ports import free_port

ROOT = Path(__file__).parents[2]
START_SECONDS = 30.0
STOP_SECONDS = 10.0


@contextmanager
def serving(database_url: str, data: Path, log: Path | None = None, **settings: str) -> Iterator[str]:
    """Runs `python -m command_api` and waits until it is ready; what it says goes into `log`."""
    port = free_port()
    environment = {
        **os.environ,
        "MIMO_DATABASE_URL": database_url,
        "MIMO_DATA": str(data),
        "MIMO_COMMAND_PORT": str(port),
        "MIMO_BCRYPT_ROUNDS": "4",
        **settings,
    }
    with log.open("wb") if log else nullcontext() as said:
        process = subprocess.Popen([sys.executable, "-m", "command_api"], cwd=ROOT, env=environment, stderr=said)
    try:
        url = f"http://127.0.0.1:{port}"
        until_ready(url, process)
        yield url
        process.send_signal(signal.SIGTERM)
        process.wait(STOP_SECONDS)
    finally:
        process.kill()
        process.wait()


def listens(port: int) -> bool:
    """Whether anybody has the port."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def until_ready(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = monotonic() + START_SECONDS
    with httpx2.Client() as client:
        while monotonic() < deadline and process.poll() is None:
            try:
                if client.get(f"{url}/readyz").status_code == 200:
                    return
            except httpx2.TransportError:
                os.sched_yield()
    raise AssertionError("the command API did not get ready")


def test_two_workers_carry_out_commands_and_count_together(database_url: str, tmp_path: Path) -> None:
    with serving(database_url, tmp_path, MIMO_WORKERS="2", MIMO_ALLOWED_ORIGINS="https://app.example") as url:
        body = {"email": "ada@example.org", "password": PASSWORD, "display_name": "Ada"}
        with httpx2.Client(base_url=url) as client:
            assert client.post("/v1/users", json=body).status_code == 201
            form = {"username": body["email"], "password": PASSWORD}
            tokens = client.post("/v1/auth/token", data=form).json()
            signed_in = {"Authorization": f"Bearer {tokens['access_token']}"}
            drafted = client.post("/v1/courses", json={"title": "T", "description": ""}, headers=signed_in).json()
            path = f"/v1/channels/{drafted['channel_id']}/messages"
        sequence = []
        for n in range(20):  # a connection each, so that both workers get some
            with httpx2.Client(base_url=url, headers={**signed_in, "Origin": "https://app.example"}) as client:
                answer = client.post(path, json={"text": f"message {n}"})
                assert answer.status_code == 201
                assert answer.headers["access-control-allow-origin"] == "https://app.example"
                assert "Mimo-Bookmark" in answer.headers["access-control-expose-headers"]
                sequence.append(answer.json()["seq"])
        assert sequence == list(range(2, 22))
        with httpx2.Client(base_url=url) as client:
            metrics = client.get("/metrics").text
            line = next(text for text in metrics.splitlines() if "mimo_http_requests_total" in text and "201" in text
                        and "channels" in text)  # fmt: skip
            assert float(line.rsplit(" ", 1)[1]) == 20
            foreign = client.get("/livez", headers={"Origin": "https://evil.example"})
            assert "access-control-allow-origin" not in foreign.headers


@pytest.mark.parametrize(
    ("trusted", "forwarded", "counted"),
    [
        ("", "192.0.2.7", "127.0.0.1"),
        ("10.0.0.0/8", "192.0.2.7", "127.0.0.1"),
        ("127.0.0.1", "192.0.2.7", "192.0.2.7"),
        ("127.0.0.0/8,10.0.0.0/8", "made up, 198.51.100.1, 192.0.2.7, 10.1.2.3", "192.0.2.7"),
    ],
    ids=["no proxy", "another's word", "the proxy's word", "several proxies"],
)
def test_only_a_trusted_proxy_says_who_the_client_is(
    database_url: str, tmp_path: Path, trusted: str, forwarded: str, counted: str
) -> None:
    log = tmp_path / "log"
    with serving(database_url, tmp_path, log, MIMO_TRUSTED_PROXIES=trusted, MIMO_LOG_FORMAT="json") as url:
        assert httpx2.get(f"{url}/v1/nothing", headers={"X-Forwarded-For": forwarded}).status_code == 404
    (line,) = [json.loads(line) for line in log.read_text().splitlines() if "/v1/nothing" in line]
    assert line["address"] == counted


def starter() -> psutil.Process:
    """The process that has started the workers."""
    (found,) = matching(lambda one: one.ppid() == os.getpid() and one.cmdline()[1:] == ["-m", "command_api"])
    return found


def test_workers_end_when_their_starter_is_killed(database_url: str, tmp_path: Path) -> None:
    with serving(database_url, tmp_path, MIMO_WORKERS="2") as url:
        port = int(url.rpartition(":")[2])
        starter().kill()
        deadline = monotonic() + STOP_SECONDS
        while listens(port) and monotonic() < deadline:
            os.sched_yield()
        assert not listens(port)


def test_nothing_of_it_is_left_in_the_temporary_folder_for_ever(database_url: str, tmp_path: Path) -> None:
    place = tmp_path / "temporary"
    place.mkdir()
    server = partial(serving, database_url, tmp_path, TMPDIR=str(place))
    with server():
        pass
    assert list(place.iterdir()) == []
    with server(MIMO_WORKERS="2"):
        (killed,) = place.iterdir()
        starter().kill()
    assert list(place.iterdir()) == [killed]
    with server(MIMO_WORKERS="2"):
        (other,) = place.iterdir()
        assert other != killed
    assert list(place.iterdir()) == []


class Impatient(PatientProtocol):
    """With a deadline that a test can wait for."""

    arrival_seconds = 0.3


@pytest.fixture
def slow_port() -> Iterator[int]:
    """A server with a short deadline and an application that answers how much it got."""
    code = (
        "import uvicorn\n"
        "from tests.e2e.test_command_api_server import Impatient\n"
        "async def app(scope, receive, send):\n"
        "    body = b''\n"
        "    while True:\n"
        "        message = await receive()\n"
        "        body += message.get('body', b'')\n"
        "        if not message.get('more_body'): break\n"
        "    head = {'type': 'http.response.start', 'status': 200, 'headers': [(b'content-length', b'2')]}\n"
        "    await send(head)\n"
        "    await send({'type': 'http.response.body', 'body': b'%02d' % len(body)})\n"
        "print(flush=True)\n"
        "uvicorn.run(app, port=PORT, http=Impatient, lifespan='off', log_level='critical')\n"
    )
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-c", code.replace("PORT", str(port))], cwd=ROOT, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    process.stdout.readline()
    try:
        yield port
    finally:
        process.terminate()
        process.wait(STOP_SECONDS)
        process.stdout.close()


async def opened(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection, as soon as the server listens."""
    async with asyncio.timeout(START_SECONDS):
        while True:
            try:
                return await asyncio.open_connection("127.0.0.1", port)
            except ConnectionRefusedError:
                await asyncio.sleep(0.02)


@pytest.mark.parametrize("half", [b"GET / HT", b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nhalf"])
async def test_half_a_request_is_answered_408_and_cut_off(slow_port: int, half: bytes) -> None:
    reader, writer = await opened(slow_port)
    writer.write(half)
    answer = await asyncio.wait_for(reader.read(), 5)
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 408 ")
    assert json.loads(body)["code"] == "request_timeout"
    writer.close()


async def test_a_connection_that_says_nothing_is_closed(slow_port: int) -> None:
    reader, writer = await opened(slow_port)
    assert await asyncio.wait_for(reader.read(), 5) == b""
    writer.close()


async def test_whole_requests_are_answered_however_many_and_the_deadline_starts_anew(slow_port: int) -> None:
    reader, writer = await opened(slow_port)
    for parts in ((b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nfull",), (b"POST / HTTP/1.1\r\nHost: x\r\n",
                  b"Content-Length: 2\r\n\r\n", b"ab")):  # fmt: skip
        for part in parts:
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(0.05)
        answer = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
        assert answer.startswith(b"HTTP/1.1 200 ")
        await reader.readexactly(2)
    writer.write(b"POST / HT")
    assert (await asyncio.wait_for(reader.read(), 5)).startswith(b"HTTP/1.1 408 ")
    writer.close()
