"""Runs the whole of mimoApp by its front door for the HTTP benchmarks, and fills a school through its public API."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from tests.bench import school
from tests.bench.api_client import ApiClient
from tests.bench.cluster import Cluster
from tests.bench.processes import free_port, running, wait_until_answers
from tests.bench.school import School, SchoolSize
from tests.bench.wrk import LoadFailed

PASSWORD = "seven quaternions walk by"
FAST_BCRYPT_ROUNDS = "4"
WRITERS = 16
SIGNING_UP = 2
"""At a time: the pool that hashes passwords refuses crowds."""


@contextmanager
def running_mimo(
    cluster: Cluster, size: SchoolSize, workers: int, *, kafka: bool = False, url: str | None = None
) -> Iterator[School]:
    """Start `mimo up` on a database of the cluster, fill it, and stop it at the end.

    Rate limits are off and password hashing is cheap, because neither is measured; everything else is as shipped.

    Args:
        cluster: the server.
        size: of the school.
        workers: processes of each API.
        kafka: whether the log goes through a broker of its own.
        url: the database; None: a new one.
    """
    command_port, query_port = free_port(), free_port()
    log_file = cluster.folder / "mimo.log"
    environment = {
        "MIMO_DATABASE_URL": url or asyncio.run(cluster.empty_database("mimo")),
        "MIMO_RATE_LIMITS": "off",
        "MIMO_BCRYPT_ROUNDS": FAST_BCRYPT_ROUNDS,
        "MIMO_LOG_LEVEL": "warning",
        "MIMO_PROJECTOR_PORT": str(free_port()),
    }
    command = [sys.executable, "-m", "mimo", "up", "--data", str(cluster.folder / "mimo-data")]
    if kafka:
        command += ["--kafka", "--kafka-port", "0"]
        environment["MIMO_RELAY_PORT"] = str(free_port())
    options = ["--command-port", str(command_port), "--query-port", str(query_port), "--workers", str(workers)]
    with running([*command, *options], environment, log_file) as process:
        wait_until_answers(process, command_port, "/readyz", log_file)
        wait_until_answers(process, query_port, "/readyz", log_file)
        try:
            yield fill(f"http://127.0.0.1:{command_port}", f"http://127.0.0.1:{query_port}", size)
        except LoadFailed as failed:
            raise LoadFailed(f"{failed}; the last that mimo said:\n{log_file.read_text()[-3000:]}") from None


def sign_up(commands: str, number: int) -> str:
    """Register a person and log in; the access token."""
    client = ApiClient(commands)
    email = f"student{number}@example.org"
    client.post("/v1/users", {"email": email, "password": PASSWORD, "display_name": school.user_name(number)})
    return str(client.post_form("/v1/auth/token", username=email, password=PASSWORD)["access_token"])


def open_course(owner: ApiClient, number: int, capacity: int) -> tuple[str, str]:
    """Create and publish a course; its id and its channel's."""
    body = {
        "title": school.course_title(number),
        "description": school.COURSE_DESCRIPTION,
        "tags": list(school.COURSE_TAGS),
        "capacity": capacity,
    }
    created, _ = owner.post("/v1/courses", body)
    owner.post(f"/v1/courses/{created['course_id']}/publish", {}, expected=200)
    return str(created["course_id"]), str(created["channel_id"])


def join_and_talk(commands: str, token: str, courses: list[tuple[str, str]], messages: int) -> str:
    """Enrol in every course and send that many messages to each channel; the last bookmark."""
    client, bookmark = ApiClient(commands, token), ""
    for course_id, channel_id in courses:
        client.post(f"/v1/courses/{course_id}/enrollments", {})
        for _ in range(messages):
            _, headers = client.post(f"/v1/channels/{channel_id}/messages", {"text": school.TEXT})
            bookmark = headers["mimo-bookmark"]
    return bookmark


def fill(commands: str, queries: str, size: SchoolSize) -> School:
    """Fill the school, and wait until the views show its last message of every writer.

    The first user owns the courses and takes no seat.
    """
    with ThreadPoolExecutor(SIGNING_UP) as threads:
        tokens = list(threads.map(lambda number: sign_up(commands, number), range(size.users)))
    with ThreadPoolExecutor(WRITERS) as threads:
        owner = ApiClient(commands, tokens[0])
        courses = [open_course(owner, number, size.capacity) for number in range(size.courses)]
        each = max(1, size.messages_per_channel // (size.users - 1))
        bookmarks = list(threads.map(lambda token: join_and_talk(commands, token, courses, each), tokens[1:]))
    reader = ApiClient(queries, tokens[1])
    for bookmark in bookmarks:
        path = f"/v1/channels/{courses[-1][1]}/messages?limit=1"
        reader.get(path, {"Mimo-Bookmark": bookmark, "Prefer": "wait=10"})
    return School(
        commands=commands,
        queries=queries,
        tokens=tuple(tokens),
        course_ids=tuple(course_id for course_id, _ in courses),
        channel_ids=tuple(channel_id for _, channel_id in courses),
    )
