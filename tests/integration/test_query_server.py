"""The query API as it is run: `python -m query_api`, several workers under a real uvicorn."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID, uuid4

import httpx2

from infra.tokens import Tokens
from tests.integration.query_client import SIGNED_IN, new_signing_key
from tests.integration.views_by_hand import ViewsByHand
from tests.ports import free_port

ROOT = Path(__file__).parents[2]


@contextmanager
def served(url: str, folder: Path, **environment: str) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    port = free_port()
    given = {
        "MIMO_DATABASE_URL": url,
        "MIMO_QUERY_PORT": str(port),
        "MIMO_DATA": str(folder),
        "MIMO_LOG_FORMAT": "json",
        **environment,
    }
    process = subprocess.Popen([sys.executable, "-m", "query_api"], cwd=ROOT, env={**os.environ, **given})
    try:
        yield f"http://127.0.0.1:{port}", process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        process.wait(15)


def until_ready(base: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if httpx2.get(f"{base}/readyz").status_code == 200:
                return
        except httpx2.TransportError:
            time.sleep(0.05)
    raise AssertionError("the query API did not get ready")


async def signed_in(views: ViewsByHand, key: str, user_id: UUID) -> dict[str, str]:
    session_id = uuid4()
    await views.connection.execute(SIGNED_IN, f"session/{user_id}", str(session_id))
    token = Tokens((key,), "mimo", "mimo", 900).issue(user_id, session_id, [])
    return {"authorization": f"Bearer {token}"}


async def test_two_workers_serve_reads_and_end_in_time(database_url: str, views: ViewsByHand, tmp_path: Path) -> None:
    key_file, key = tmp_path / "signing.pem", new_signing_key()
    key_file.write_text(key)
    key_file.chmod(0o600)
    ada = await views.person("Ada")
    headers = await signed_in(views, key, ada)
    origin = "https://school.example"
    settings = {"MIMO_SIGNING_KEYS": str(key_file), "MIMO_WORKERS": "2", "MIMO_ALLOWED_ORIGINS": origin}
    with served(database_url, tmp_path, **settings) as (base, process):
        until_ready(base, process)
        bookmark = views.bookmark(await views.renamed(ada, "Countess"))
        for _ in range(10):  # a connection each, so that both workers get their share
            async with httpx2.AsyncClient(base_url=base) as client:
                answer = await client.get("/v1/me", headers={**headers, "mimo-bookmark": bookmark, "origin": origin})
                assert answer.status_code == 200, answer.text
                assert answer.json()["display_name"] == "Countess"
                assert answer.headers["access-control-allow-origin"] == origin
                assert "Mimo-Bookmark" in answer.headers["access-control-expose-headers"]
                same = await client.get("/v1/me", headers={**headers, "if-none-match": answer.headers["etag"]})
                assert (same.status_code, same.content) == (304, b"")
                stranger = await client.get("/v1/me", headers={"origin": "https://elsewhere.example"})
                assert stranger.status_code == 401
                assert "access-control-allow-origin" not in stranger.headers
                assert (await client.get("/v1/nothing")).json()["code"] == "not_found"
                assert (await client.post("/v1/me", json={})).json()["code"] == "method_not_allowed"
        metrics = httpx2.get(f"{base}/metrics").text
        assert 'mimo_http_requests_total{method="GET",route="/v1/me",status="200"} 10.0' in metrics
        began = time.monotonic()
        process.send_signal(signal.SIGTERM)
        process.wait(10)
        assert time.monotonic() - began < 10


def test_a_server_without_a_database_says_so(tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MIMO_")}
    ended = subprocess.run(
        [sys.executable, "-m", "query_api"],
        check=False, cwd=ROOT, env={**environment, "MIMO_DATA": str(tmp_path)},
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert ended.returncode != 0
    assert "MIMO_DATABASE_URL is not set" in ended.stderr


def test_while_the_database_is_away_it_lives_and_is_not_ready(tmp_path: Path) -> None:
    nowhere = f"postgresql://mimo:secret@127.0.0.1:{free_port()}/mimo"
    with served(nowhere, tmp_path) as (base, process):
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and process.poll() is None:
            try:
                alive = httpx2.get(f"{base}/livez")
                break
            except httpx2.TransportError:
                time.sleep(0.05)
        assert alive.status_code == 200
        readiness = httpx2.get(f"{base}/readyz")
        assert readiness.status_code == 503
        assert {"database", "freshness"} <= {missing["name"] for missing in readiness.json()["not_ready"]}
        assert "secret" not in readiness.text
        answer = httpx2.get(f"{base}/v1/courses")
        assert (answer.status_code, answer.json()["code"]) == (503, "overloaded")
