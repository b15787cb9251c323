"""The ingress as it is configured, in front of servers that say what reaches them."""

import json
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx2
import orjson
import pytest
from websockets.sync.client import connect
from websockets.sync.server import ServerConnection, serve

from infra.web.problems import problem
from tests.compose import CADDYFILE, TOOLS
from tests.ports import free_port
from tests.until import until

LARGEST = 256 * 1024


class Mirror(BaseHTTPRequestHandler):
    """Answers what it was asked."""

    protocol_version = "HTTP/1.1"

    def answer(self) -> None:
        body = self.body()
        if body is None:
            self.close_connection = True
            return
        told = {"api": self.server.name, "method": self.command, "path": self.path, "headers": dict(self.headers),  # type: ignore[attr-defined]
                "body": len(body)}  # fmt: skip
        text = json.dumps(told).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def body(self) -> bytes | None:
        """The whole body, of a told length or in pieces; None if it breaks off."""
        if "transfer-encoding" not in self.headers:
            return self.rfile.read(int(self.headers.get("content-length", 0)))
        body = b""
        while line := self.rfile.readline():
            piece = self.rfile.read(int(line, 16))
            self.rfile.readline()
            if not piece:
                return body
            body += piece
        return None

    def __getattr__(self, name: str) -> Callable[[], None]:
        """`do_GET` and the like."""
        if name.startswith("do_"):
            return self.answer
        raise AttributeError(name)

    def log_message(self, *_: Any) -> None: ...


@contextmanager
def mirror(name: str, port: int = 0) -> Iterator[int]:
    """A server that answers what it was asked."""
    server = ThreadingHTTPServer(("127.0.0.1", port), Mirror)
    server.name = name  # type: ignore[attr-defined]
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def ingress(folder: Path, commands: int, queries: int, site: str = "http://") -> Iterator[dict[str, int]]:
    """The real Caddy with the real configuration, in front of two ports."""
    ports = {name: free_port() for name in ("HTTP_PORT", "HTTPS_PORT", "HEALTH_PORT")}
    environment = {name: str(port) for name, port in ports.items()} | {
        "COMMAND_API_HOST": "127.0.0.1", "COMMAND_API_PORT": str(commands),
        "QUERY_API_HOST": "127.0.0.1", "QUERY_API_PORT": str(queries),
        "INGRESS_SITE": site, "XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder), "HOME": str(folder),
    }  # fmt: skip
    log = folder / "log"
    with log.open("wb") as said:
        process = subprocess.Popen([TOOLS / "caddy", "run", "--config", CADDYFILE], env=environment, stderr=said)
    try:
        health = f"http://127.0.0.1:{ports['HEALTH_PORT']}/livez"
        until(lambda: _is_well(health) or process.poll() is not None, "the ingress is up")
        assert process.poll() is None, log.read_text()
        yield ports
    finally:
        process.terminate()
        process.wait(20)


def _is_well(url: str) -> bool:
    try:
        return httpx2.get(url).status_code == 200
    except httpx2.TransportError:
        return False


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx2.Client]:
    """A client of an ingress that has both APIs behind it."""
    with (
        mirror("commands") as commands,
        mirror("queries") as queries,
        ingress(tmp_path_factory.mktemp("ingress"), commands, queries) as ports,
        httpx2.Client(base_url=f"http://127.0.0.1:{ports['HTTP_PORT']}") as client,
    ):
        yield client


@pytest.mark.parametrize(
    ("method", "path", "api"),
    [
        ("GET", "/v1/courses?q=engine", "queries"),
        ("GET", "/v1/live", "queries"),
        ("GET", "/", "queries"),
        ("GET", "/ops", "queries"),
        ("GET", "/web/ops/desk.js", "queries"),
        ("POST", "/v1/courses", "commands"),
        ("PATCH", "/v1/me", "commands"),
        ("DELETE", "/v1/me", "commands"),
        ("PUT", "/v1/anything", "commands"),
        ("OPTIONS", "/v1/courses", "commands"),
        ("POST", "/v1/auth/token", "commands"),
        ("GET", "/v1/auth/token", "commands"),
        ("GET", "/.well-known/jwks.json", "commands"),
    ],
)
def test_reads_go_to_one_api_and_the_rest_to_the_other(origin: httpx2.Client, method: str, path: str, api: str) -> None:
    told = origin.request(method, path).json()
    assert (told["api"], told["method"], told["path"]) == (api, method, path)


def test_headers_pass_and_the_clients_word_about_itself_does_not(origin: httpx2.Client) -> None:
    sent = {
        "authorization": "Bearer x", "idempotency-key": "k", "mimo-bookmark": "b", "prefer": "wait=2",
        "traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "x-forwarded-for": "192.0.2.1",
        "x-forwarded-proto": "https",
    }  # fmt: skip
    answer = origin.post("/v1/courses", headers=sent)
    got = {name.lower(): value for name, value in answer.json()["headers"].items()}
    for name in ("authorization", "idempotency-key", "mimo-bookmark", "prefer", "traceparent"):
        assert got[name] == sent[name]
    assert (got["x-forwarded-for"], got["x-forwarded-proto"]) == ("127.0.0.1", "http")
    assert {"server", "via"}.isdisjoint(answer.headers)


def test_a_body_that_the_api_would_not_take_is_not_carried_there(origin: httpx2.Client) -> None:
    assert origin.post("/v1/courses", content=b"x" * LARGEST).json()["body"] == LARGEST
    for body in (b"x" * (LARGEST + 1), (piece for piece in [b"x" * LARGEST, b"x"])):
        answer = origin.post("/v1/courses", content=body)
        assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
        assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/metrics"), ("GET", "/web/../metrics"), ("GET", "/opsx"), ("POST", "/ops"), ("POST", "/")],
)
def test_what_nobody_serves_is_a_problem_like_any_other(origin: httpx2.Client, method: str, path: str) -> None:
    answer = origin.request(method, httpx2.URL(origin.base_url, raw_path=path.encode()))
    assert answer.status_code == 404
    like_any_other = orjson.loads(problem(404, "not_found", "Not Found.", "").body)
    assert answer.json() == like_any_other


def test_an_api_that_comes_back_is_found_and_one_that_is_away_is_said_to_be(tmp_path: Path) -> None:
    commands, queries = free_port(), free_port()
    with (
        ingress(tmp_path, commands, queries) as ports,
        httpx2.Client(base_url=f"http://127.0.0.1:{ports['HTTP_PORT']}", timeout=10) as client,
    ):
        away = client.get("/v1/courses")
        assert (away.status_code, away.json()["code"], away.headers["retry-after"]) == (503, "overloaded", "1")
        asked: list[httpx2.Response] = []
        waiting = threading.Thread(target=lambda: asked.append(client.post("/v1/courses", content=b"kept")))
        waiting.start()
        with mirror("commands", commands):
            waiting.join()
            assert (asked[0].status_code, asked[0].json()["body"]) == (200, 4), "a command waits for a restart"


def test_a_live_connection_is_carried(tmp_path: Path) -> None:
    def echo(connection: ServerConnection) -> None:
        connection.send([f"{connection.subprotocol}: ", str(connection.recv())])

    with serve(echo, "127.0.0.1", 0, subprotocols=["mimo.v1"]) as server:  # type: ignore[list-item]
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with ingress(tmp_path, free_port(), server.socket.getsockname()[1]) as ports:
            url = f"ws://127.0.0.1:{ports['HTTP_PORT']}/v1/live"
            with connect(url, subprotocols=["mimo.v1"]) as connection:  # type: ignore[list-item]
                connection.send("hello")
                assert connection.recv() == "mimo.v1: hello"


def answered(address: str, trusting: ssl.SSLContext) -> list[httpx2.Response]:
    """The answer; nothing as long as there is none."""
    try:
        return [httpx2.get(address, verify=trusting)]
    except httpx2.ConnectError:
        return []


def test_a_site_with_a_name_is_reached_by_https_only(tmp_path: Path) -> None:
    with mirror("queries") as queries, ingress(tmp_path, free_port(), queries, "localhost") as ports:
        plain = httpx2.get(f"http://localhost:{ports['HTTP_PORT']}/v1/courses")
        assert (plain.status_code, plain.headers["location"]) == (308, "https://localhost/v1/courses")
        root = tmp_path / "caddy" / "pki" / "authorities" / "local" / "root.crt"  # localhost is certified by itself
        until(root.exists, "the ingress has an authority")
        trusting = ssl.create_default_context(cafile=root)
        secure = f"https://localhost:{ports['HTTPS_PORT']}/v1/courses"
        [answer] = until(lambda: answered(secure, trusting), "the ingress has a certificate")
        told = answer.json()
        got = {name.lower(): value for name, value in told["headers"].items()}
        assert got["x-forwarded-proto"] == "https"
