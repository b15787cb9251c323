"""The hot routes over HTTP, ours beside the plain design: the same requests, server settings and load generator."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import ExitStack, suppress
from statistics import median

from tests.bench import wrk
from tests.bench.api_client import ApiClient
from tests.bench.cluster import Cluster
from tests.bench.effort import Effort
from tests.bench.measure import Pairs, interleaved
from tests.bench.mimo_design import running_mimo
from tests.bench.plain_design import running_plain_design
from tests.bench.school import School, SchoolSize
from tests.bench.table import Table, whole
from tests.bench.wrk import Load, LoadFailed, Request

WORKERS = 2
PAGE = 20
WARM_UP_SECONDS = 1
WRITE_TARGET = "≥ 5, promise 8"
READ_TARGET = "≥ 5, promise 20"

Route = Callable[[School], list[Request]]


class DifferentAnswers(Exception):
    """The two sides do not answer the same fields, so their speed cannot be compared."""


def send_message(school: School) -> list[Request]:
    """POST a message, every user to every channel in turn."""
    return [
        Request("POST", f"/v1/channels/{channel}/messages", token)
        for channel in school.channel_ids
        for token in school.tokens
    ]


def message_list(school: School) -> list[Request]:
    """GET the newest messages, every user of every channel in turn."""
    return [
        Request("GET", f"/v1/channels/{channel}/messages?limit={PAGE}", token)
        for channel in school.channel_ids
        for token in school.tokens
    ]


def course(school: School) -> list[Request]:
    """GET a course, every user each course in turn."""
    return [
        Request("GET", f"/v1/courses/{course_id}", token) for course_id in school.course_ids for token in school.tokens
    ]


def fields(value: object) -> object:
    """The shape of a JSON value: its field names, all the way down."""
    if isinstance(value, dict):
        return {name: fields(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [fields(value[0]), len(value)] if value else []
    return None


def require_same_answers(ours: School, plain: School) -> None:
    """Ask both sides for a list and a course, and raise DifferentAnswers unless their fields are the same."""
    for route in (message_list, course):
        shapes = []
        for side in (ours, plain):
            request = route(side)[1]
            shapes.append(fields(ApiClient(side.queries, request.token).get(request.path)))
        if shapes[0] != shapes[1]:
            raise DifferentAnswers(f"ours {json.dumps(shapes[0])}, plain design {json.dumps(shapes[1])}")


def compare(
    ours: School, plain: School, route: Route, connections: int, effort: Effort, client_ids: bool
) -> Pairs[Load]:
    """Warm both sides up, then load them in turn."""
    runs = 0

    def load(side: School, seconds: float = effort.http_seconds) -> Load:
        nonlocal runs
        runs += 1
        requests = route(side)
        base_url = side.commands if requests[0].method == "POST" else side.queries
        client_id = f"bench-{connections}-{runs}" if client_ids else None
        return wrk.run(base_url, requests, connections, seconds, client_id=client_id)

    for side in (ours, plain):
        with suppress(LoadFailed):  # it may end before the first answer comes; the real run must not
            load(side, WARM_UP_SECONDS)
    return interleaved(effort.long_rounds, lambda: load(ours), lambda: load(plain))


def row(name: str, connections: int, pairs: Pairs[Load], target: str) -> list[str]:
    """One line of the table."""

    def middle(loads: list[float]) -> str:
        return whole(median(loads))

    return [
        name,
        str(connections),
        middle([load.requests_per_second for load in pairs.other]),
        middle([load.requests_per_second for load in pairs.ours]),
        str(pairs.ratio(lambda load: load.requests_per_second)),
        target,
        middle([load.p99_ms for load in pairs.other]),
        middle([load.p99_ms for load in pairs.ours]),
    ]


BOTH = (64, 256)
ROUTES: tuple[tuple[str, Route, bool, tuple[int, ...], str], ...] = (
    ("SendMessage", send_message, False, BOTH, WRITE_TARGET),
    ("SendMessage with client_message_id", send_message, True, (64,), "–"),
    (f"list of {PAGE} messages", message_list, False, BOTH, READ_TARGET),
    ("course", course, False, BOTH, READ_TARGET),
)
"""Name, requests, whether messages carry a client_message_id, numbers of connections, target."""


def run(cluster: Cluster, effort: Effort) -> list[Table]:
    """Start both sides and load each route at each number of connections."""
    wrk.require_wrk()
    rows = []
    with ExitStack() as stack:
        plain = stack.enter_context(running_plain_design(cluster, SchoolSize(), WORKERS))
        ours = stack.enter_context(running_mimo(cluster, SchoolSize(), WORKERS))
        require_same_answers(ours, plain)
        for name, route, client_ids, numbers, target in ROUTES:
            for connections in numbers:
                pairs = compare(ours, plain, route, connections, effort, client_ids)
                rows.append(row(name, connections, pairs, target))
    columns = ("route", "connections", "plain /s", "ours /s", "ratio", "target", "plain p99 ms", "ours p99 ms")
    return [Table("http", f"HTTP, requests per second, {WORKERS} workers each", columns, rows)]
