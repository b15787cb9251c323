"""schemathesis finds nothing: both APIs do what their OpenAPI documents say, tried by somebody who is signed in.

Everything is asked over HTTP of a real `mimo up`: valid and invalid requests of all kinds, one by one and in sequences.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.e2e.conftest import reachable_folder
from tests.system import ROOT, System, run_mimo

PASSWORD = "a trial of everything"
CASES_AN_OPERATION = 15
SEED = 7
"""The same cases at each run; another seed finds other things (tried up to 150 cases an operation)."""
SECONDS = 400.0
"""Half a minute on a quiet machine; a busy one is no failure."""
SCHEMATHESIS = Path(sys.executable).with_name("schemathesis")
CONFIGURATION = ROOT / "tests" / "e2e" / "schemathesis.toml"


@dataclass
class Person:
    """Somebody who is signed in."""

    email: str
    client: httpx2.Client

    def post(self, path: str, content: Mapping[str, Any] | None = None) -> httpx2.Response:
        """Sends a command that must succeed."""
        return self.client.post(path, json=content).raise_for_status()


def signed_in(system: System, email: str, stack: ExitStack) -> Person:
    """Registers somebody and signs them in."""
    client = stack.enter_context(httpx2.Client(base_url=system.command))
    registration = {"email": email, "password": PASSWORD, "display_name": email}
    client.post("/v1/users", json=registration).raise_for_status()
    tokens = client.post("/v1/auth/token", data={"username": email, "password": PASSWORD}).raise_for_status().json()
    client.headers["Authorization"] = f"Bearer {tokens['access_token']}"
    return Person(email, client)


def things_that_exist(owner: Person, other: Person) -> tuple[dict[str, list[str]], str]:
    """Courses of both, a draft, members, messages and a report: their ids by path parameter, and the last bookmark."""
    drafted = [
        person.post("/v1/courses", {"title": "t", "description": "d"}).json() for person in (owner, other, owner)
    ]
    for person, course in ((owner, drafted[0]), (other, drafted[1])):
        person.post(f"/v1/courses/{course['course_id']}/publish")
    other.post(f"/v1/courses/{drafted[0]['course_id']}/enrollments")
    said = [
        person.post(f"/v1/channels/{drafted[0]['channel_id']}/messages", {"text": "hello"}) for person in (owner, other)
    ]
    ids = {name: [course[name] for course in drafted] for name in ("course_id", "channel_id")}
    ids["message_id"] = [answer.json()["message_id"] for answer in said]
    message = f"/v1/channels/{drafted[0]['channel_id']}/messages/{ids['message_id'][0]}"
    ids["report_id"] = [other.post(f"{message}/reports", {"reason": "spam"}).json()["report_id"]]
    return ids, said[-1].headers["Mimo-Bookmark"]


def try_everything(address: str, environment: Mapping[str, str]) -> None:
    """Lets schemathesis try an API.

    Raises:
        AssertionError: it found something; the text is its report.
    """
    command = [str(SCHEMATHESIS), "--config-file", str(CONFIGURATION), "run", f"{address}/openapi.json", "--no-color"]
    done = subprocess.run(
        [*command, "--max-examples", str(CASES_AN_OPERATION), "--seed", str(SEED), "--generation-database", "none"],
        cwd=ROOT, env={**os.environ, "SCHEMATHESIS_HOOKS": "tests.e2e.openapi_hooks", **environment},
        capture_output=True, text=True, timeout=SECONDS, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def system() -> Iterator[System]:
    """One for both APIs, each tried by people of its own."""
    with reachable_folder() as folder:
        running = System(folder / "data", MIMO_RATE_LIMITS="off")
        try:
            yield running.start()
        finally:
            running.clean_up()


@pytest.mark.parametrize("api", ["command", "query"])
def test_schemathesis_finds_nothing(system: System, api: str) -> None:
    with ExitStack() as stack:
        owner, other = (signed_in(system, f"{name}-{api}@example.org", stack) for name in ("owner", "other"))
        ids, bookmark = things_that_exist(owner, other)
    if api == "query":  # whom nothing is closed to
        granted = run_mimo("users", "grant", owner.email, "admin", "--data", str(system.data))
        assert granted.returncode == 0, granted.stderr
    environment = {
        "MIMO_TRIAL_COMMANDS": system.command,
        "MIMO_TRIAL_EMAIL": owner.email,
        "MIMO_TRIAL_IDS": json.dumps(ids),
        "MIMO_TRIAL_BOOKMARK": bookmark,
    }
    try_everything(getattr(system, api), environment)
